//! Reading a list without holding all of it: a few thousand contacts at once, or those that may be wanted while the whole is
//! still being read into memory.

use async_trait::async_trait;

use super::contact::missing_list;
use super::feed::{STANDING, placed, standing};
use super::session::Session;
use super::{Postgres, row};
use crate::identity::Tenant;
use crate::store::model::ListId;
use crate::store::{Contents, Placed, Reading, Standing, Stored};

const NEXT: &str = "SELECT uuid, fields, position FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND position > $3 ORDER BY position LIMIT $4";
const CONTAINING: &str = "SELECT uuid, fields, position FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND strpos(folded, $3) > 0 ORDER BY position LIMIT $4";
const IDENTIFIED: &str = "SELECT uuid, fields, position FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND uuid = ANY($3) ORDER BY position";
const BEYOND: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 LIMIT $3) AS counted";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[NEXT, CONTAINING, IDENTIFIED, BEYOND];

/// Contacts that are read at once.
const PIECE: i64 = 2_000;

struct Pieces {
    read: Session,
    tenant: String,
    list: String,
    standing: Standing,
    last: i64,
}

#[async_trait]
impl Reading for Pieces {
    fn standing(&self) -> Standing {
        self.standing
    }

    async fn next(&mut self) -> Stored<Vec<Placed>> {
        let rows = sqlx::query(NEXT)
            .bind(&self.tenant)
            .bind(&self.list)
            .bind(self.last)
            .bind(PIECE)
            .fetch_all(&mut self.read)
            .await?;
        let piece = rows.iter().map(placed).collect::<Stored<Vec<Placed>>>()?;
        self.last = piece.last().map_or(self.last, |placed| placed.position);
        Ok(piece)
    }
}

impl Postgres {
    /// [`crate::store::Contacts::read_contacts`].
    pub(super) async fn start_reading(
        &self,
        scope: &Tenant,
        list: &ListId,
    ) -> Stored<Box<dyn Reading>> {
        let (read, standing) = self.standing_of(scope, list).await?;
        Ok(Box::new(Pieces {
            read,
            tenant: scope.id().as_str().to_owned(),
            list: list.0.clone(),
            standing,
            last: i64::MIN,
        }))
    }

    /// [`crate::store::Contacts::containing`].
    pub(super) async fn read_containing(
        &self,
        scope: &Tenant,
        list: &ListId,
        text: &str,
        most: i64,
    ) -> Stored<Option<Contents>> {
        if !row::storable([Some(text)]) {
            return self.read_identified(scope, list, &[]).await.map(Some);
        }
        let (mut read, standing) = self.standing_of(scope, list).await?;
        let rows = sqlx::query(CONTAINING)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind(text)
            .bind(most + 1)
            .fetch_all(&mut read)
            .await?;
        if i64::try_from(rows.len()).is_ok_and(|count| count <= most) {
            let contacts = rows.iter().map(placed).collect::<Stored<_>>()?;
            return Ok(Some(Contents { standing, contacts }));
        }
        Ok(None)
    }

    /// [`crate::store::Contacts::identified`].
    pub(super) async fn read_identified(
        &self,
        scope: &Tenant,
        list: &ListId,
        ids: &[String],
    ) -> Stored<Contents> {
        let (mut read, standing) = self.standing_of(scope, list).await?;
        let ids: Vec<&str> = ids
            .iter()
            .map(String::as_str)
            .filter(|id| !id.contains('\0'))
            .collect();
        let rows = sqlx::query(IDENTIFIED)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind(ids)
            .fetch_all(&mut read)
            .await?;
        Ok(Contents {
            standing,
            contacts: rows.iter().map(placed).collect::<Stored<_>>()?,
        })
    }

    /// [`crate::store::Contacts::has_more_than`].
    pub(super) async fn count_beyond(
        &self,
        scope: &Tenant,
        list: &ListId,
        count: i64,
    ) -> Stored<bool> {
        let some = sqlx::query_scalar::<_, i64>(BEYOND)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind(count + 1)
            .fetch_one(self.pool().await?)
            .await?;
        Ok(some > count)
    }

    async fn standing_of(&self, scope: &Tenant, list: &ListId) -> Stored<(Session, Standing)> {
        let mut read = self.read().await?;
        let header = sqlx::query(STANDING)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .fetch_optional(&mut read)
            .await?;
        let standing = standing(&header.ok_or_else(|| missing_list(list))?)?;
        Ok((read, standing))
    }
}
