//! Walks the bytes of a connection request after request: head, body, next head. It says which bytes may go on to hyper as
//! they are, and what to do at the first byte that may not.

use super::chunked::{Chunks, Progress};
use super::head::{Framing, Head, HeadLimits, HeadScan, Scan};
use super::refusal::Refusal;

/// What stands at the first byte that was not cleared.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: all bytes are cleared.
    Clear,
    /// A head that is not complete.
    Partial,
    /// A complete head whose target must be percent-encoded; the walk goes on after it.
    Rewrite(Head),
    /// A head that must not be read; nor anything after it.
    Refuse(Refusal),
    /// A body whose framing is broken; nothing after it can be read.
    Broken,
}

#[derive(Debug)]
enum Phase {
    Head,
    Body(u64),
    Chunked(Chunks),
}

/// The state of one connection's framing.
#[derive(Debug)]
pub(super) struct Framer {
    limits: HeadLimits,
    phase: Phase,
    scan: HeadScan,
    heads: usize,
}

impl Framer {
    /// A connection of which no byte was read.
    pub(super) fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            phase: Phase::Head,
            scan: HeadScan::default(),
            heads: 0,
        }
    }

    /// How many heads were complete so far.
    pub(super) fn heads(&self) -> usize {
        self.heads
    }

    /// Whether the next byte belongs to a head.
    pub(super) fn in_head(&self) -> bool {
        matches!(self.phase, Phase::Head)
    }

    /// Walks on over `bytes`, which begin with what the last walk left over. Returns how many bytes are cleared.
    pub(super) fn walk(&mut self, bytes: &[u8]) -> (usize, Next) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &mut self.phase {
                Phase::Head => match self.scan.advance(rest, &self.limits) {
                    Scan::Partial => return (at, Next::Partial),
                    Scan::Refused(refusal) => return (at, Next::Refuse(refusal)),
                    Scan::Complete(head) => {
                        self.enter_body(head.framing);
                        if head.raw_target.is_some() {
                            return (at, Next::Rewrite(head));
                        }
                        at += head.len;
                    }
                },
                Phase::Body(left) => {
                    let taken = usize::try_from(*left).map_or(rest.len(), |n| n.min(rest.len()));
                    *left -= taken as u64;
                    at += taken;
                    if *left == 0 {
                        self.phase = Phase::Head;
                    }
                }
                Phase::Chunked(chunks) => match chunks.advance(rest) {
                    Progress::More => at = bytes.len(),
                    Progress::Broken(used) => return (at + used, Next::Broken),
                    Progress::Done(used) => {
                        at += used;
                        self.phase = Phase::Head;
                    }
                },
            }
        }
        (at, Next::Clear)
    }

    fn enter_body(&mut self, framing: Framing) {
        self.heads += 1;
        self.scan = HeadScan::default();
        self.phase = match framing {
            Framing::Sized(0) => Phase::Head,
            Framing::Sized(length) => Phase::Body(length),
            Framing::Chunked => Phase::Chunked(Chunks::default()),
        };
    }
}
