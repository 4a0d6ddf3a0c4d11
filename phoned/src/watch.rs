//! Reloading when a file of the configuration changes (`watch: true`, phoned.md §16.3). The files are looked at once a second, by
//! size and time of change of what their names lead to, so that exchanged symbolic links are noticed too.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

use crate::{config::Config, live::Live};

/// Time between two looks. A change counts when the next look finds nothing newer, so that no half-written file is read.
const PAUSE: Duration = Duration::from_secs(1);

/// The files as they were at one look.
pub type Look = Vec<(PathBuf, Option<(u64, SystemTime)>)>;

/// Reloads `live` after each change until `stop` is cancelled; `settled` are the files that the configuration in force was read from.
/// A look or a reload that is under way then goes on alone: what it reads may be slow.
pub async fn run(live: Arc<Live>, settled: Look, stop: CancellationToken) {
    stop.run_until_cancelled(watch(live, settled)).await;
}

async fn watch(live: Arc<Live>, mut settled: Look) {
    let mut last = settled.clone();
    loop {
        tokio::time::sleep(PAUSE).await;
        let now = look(&live).await;
        if now == last && now != settled {
            // Both outcomes are in the log.
            let _outcome = live.reload().await;
            settled = as_before(look(&live).await, &now);
            last.clone_from(&settled);
        } else {
            last = now;
        }
    }
}

async fn look(live: &Live) -> Look {
    let config = Arc::clone(&live.current().app.config);
    let looked = tokio::task::spawn_blocking(move || look_at(&config)).await;
    looked.unwrap_or_default()
}

/// The `files` as they were `before` the reload, so that a change under way is noticed after it. Those that the new configuration
/// names for the first time count as changed: nobody looked before they were read.
fn as_before(files: Look, before: &Look) -> Look {
    let files = files.into_iter().map(|(file, _)| {
        let known = before.iter().find(|(known, _)| *known == file);
        let state = known.and_then(|(_, state)| *state);
        (file, state)
    });
    files.collect()
}

/// The files of `config` as they are. Blocks.
pub fn look_at(config: &Config) -> Look {
    let https = &config.rest_api.https;
    let mut files = vec![config.config_file.clone()];
    files.extend(config.rest_api.authorized_subnets_file.clone());
    files.extend(config.rest_api.signed_links.key_file.clone());
    if https.listener.enabled {
        files.extend([https.certificate.clone(), https.private_key.clone()]);
    }
    files.extend(extra(&config.extra_config_files));
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let state = fs::metadata(&file).ok();
            let state = state.and_then(|state| Some((state.len(), state.modified().ok()?)));
            (file, state)
        })
        .collect()
}

/// The files of the folder that are read as configuration.
fn extra(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "yml"))
        .collect()
}
