//! A node's hold on one partition of presence: Redis hears how many sessions it has of someone.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex as Lock, MutexGuard as LockGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use hubbub_core::{
    Arrival, BackplaneError, Buried, Claim, Departure, Enter, Exit, Holders, Leave, Occupancy, RoomId,
    SessionId, UserId,
};
use tokio::sync::RwLock;

use crate::{
    Options,
    cluster::Directory,
    keys::Partition,
    lease::{Burial, Leases},
    links::Failure,
    metrics,
    pairs::{Owed, Pairs},
    people::{Entered, People},
    shards::Shards,
};

/// How often someone enters anew because the lease was gone.
const ATTEMPTS: usize = 3;

/// Leaves that are owed and said at once, and then the lease is looked after.
const TOGETHER: usize = 200;

/// What one node holds in one partition.
#[derive(Debug)]
pub(crate) struct Tenure {
    partition: Partition,
    people: People,
    leases: Leases,
    directory: Arc<Directory>,
    beat: Duration,
    repair: Duration,
    /// Held for reading while someone enters or leaves, for writing while everyone does again.
    lease: RwLock<Lease>,
    holders: Holders,
    pairs: Arc<Pairs>,
    owed: Owed,
    clock: Lock<Clock>,
}

/// Whether the node may hold people.
#[derive(Debug, Default)]
enum Lease {
    /// Not yet, or no longer.
    #[default]
    None,
    /// As this incarnation.
    Incarnation(String),
    /// Never again.
    Resigned,
}

/// What came of trying to enter.
enum Attempt {
    Decided(Arrival),
    /// This incarnation is none any more.
    Lost(Option<String>),
}

impl Tenure {
    pub(crate) fn new(
        shards: Arc<Shards>,
        directory: Arc<Directory>,
        pairs: Arc<Pairs>,
        partition: Partition,
        options: &Options,
    ) -> Self {
        Self {
            partition,
            people: People::new(shards.clone(), partition),
            leases: Leases::new(shards, partition, options),
            directory,
            beat: options.beat.min(options.lease / 3),
            repair: options.repair,
            lease: RwLock::default(),
            holders: Holders::default(),
            pairs,
            owed: Owed::default(),
            clock: Lock::new(Clock { renewed: Instant::now(), repaired: None, lost_an_answer: false }),
        }
    }

    pub(crate) async fn enter(&self, claim: Claim) -> Result<Arrival, BackplaneError> {
        for _ in 0..ATTEMPTS {
            match self.try_enter(&claim).await? {
                Attempt::Decided(arrival) => return Ok(arrival),
                Attempt::Lost(incarnation) => self.revive(incarnation).await?,
            }
        }
        Err(BackplaneError::new("this node loses its lease again and again"))
    }

    /// A leave that cannot be announced is owed: it is announced as soon as Redis is there, by this node's heartbeat or
    /// by whoever buries it.
    pub(crate) async fn leave(&self, exit: Exit) -> Departure {
        let lease = self.lease.read().await;
        let _mine = self.pairs.lock(&exit.room, &exit.user).await;
        let Leave::Held(sessions) = self.holders.leave(&exit) else { return Departure::Silent };
        let Lease::Incarnation(incarnation) = &*lease else { return Departure::Silent };
        self.owed.add(&exit);
        match self.people.leave(incarnation, &exit, sessions).await {
            Ok(version) => {
                self.owed.settle(&exit.room, &exit.user);
                version.map_or(Departure::Silent, |version| Departure::Last { version })
            }
            Err(error) => {
                tracing::warn!(%error, "could not announce a leave; it is announced later");
                self.doubt();
                Departure::Silent
            }
        }
    }

    pub(crate) async fn occupants(&self, room: &RoomId) -> Result<Occupancy, Failure> {
        self.people.occupants(room).await
    }

    /// Keeps the lease, puts right what is not, and buries the dead.
    pub(crate) async fn heartbeat(&self, people: usize) -> Result<Vec<Buried>, BackplaneError> {
        self.keep_lease(people).await?;
        self.settle(people).await?;
        self.repair().await.map_err(BackplaneError::new)?;
        self.bury().await.map_err(BackplaneError::new)
    }

    /// How many people have a session on this node who are told from others in this partition.
    pub(crate) fn people(&self) -> usize {
        self.holders.people()
    }

    /// How long ago the lease was renewed.
    pub(crate) fn age(&self) -> Duration {
        self.clock().renewed.elapsed()
    }

    /// Gives up the lease, for good. Who is still here may come straight back elsewhere.
    pub(crate) async fn resign(&self) -> Result<(), Failure> {
        let mut lease = self.lease.write().await;
        let Lease::Incarnation(incarnation) = std::mem::replace(&mut *lease, Lease::Resigned) else {
            return Ok(());
        };
        let exits: Vec<_> = self.holders.claims().into_iter().map(|(claim, _)| exit(claim)).collect();
        self.people.leave_all(&incarnation, &exits).await?;
        self.leases.resign(&incarnation).await
    }

    async fn try_enter(&self, claim: &Claim) -> Result<Attempt, BackplaneError> {
        let lease = self.lease.read().await;
        let _mine = self.pairs.lock(&claim.room, &claim.user).await;
        let was_in = self.holders.has(claim);
        let Enter::Held(sessions) = self.holders.enter(claim) else {
            return Ok(Attempt::Decided(Arrival::Taken));
        };
        let mut undo = Undo { tenure: self, claim, was_in, is_owed: false, is_kept: false };
        let incarnation = match &*lease {
            Lease::Incarnation(incarnation) => incarnation,
            Lease::None => return Ok(Attempt::Lost(None)),
            Lease::Resigned => return Err(resigned()),
        };
        undo.is_owed = true;
        let entered = self.people.enter(incarnation, claim, sessions).await;
        undo.is_owed = entered.as_ref().err().is_some_and(Failure::may_be_done);
        undo.is_kept = matches!(&entered, Ok(Entered::Decided(arrival)) if *arrival != Arrival::Taken);
        Ok(match entered.map_err(BackplaneError::new)? {
            Entered::Decided(arrival) => Attempt::Decided(arrival),
            Entered::Fenced => Attempt::Lost(Some(incarnation.clone())),
        })
    }

    async fn keep_lease(&self, people: usize) -> Result<(), BackplaneError> {
        let current = match &*self.lease.read().await {
            Lease::Resigned => return Ok(()),
            Lease::None => None,
            Lease::Incarnation(incarnation) => Some(incarnation.clone()),
        };
        if let Some(incarnation) = &current {
            if self.clock().renewed.elapsed() + self.beat / 4 < self.beat {
                return Ok(());
            }
            if self.leases.renew(incarnation, people).await.map_err(BackplaneError::new)? {
                self.clock().renewed = Instant::now();
                if self.leases.is_elsewhere() {
                    self.doubt();
                }
                return Ok(());
            }
        }
        self.revive(current).await
    }

    /// Begins a new incarnation and enters everyone again, unless that has been done since `lost` was lost.
    async fn revive(&self, lost: Option<String>) -> Result<(), BackplaneError> {
        let mut lease = self.lease.write().await;
        match &*lease {
            Lease::Resigned => return Err(resigned()),
            Lease::Incarnation(current) if Some(current) != lost.as_ref() => return Ok(()),
            Lease::Incarnation(lost) => {
                metrics::fenced(1);
                tracing::warn!(incarnation = %lost, partition = self.partition.index(), "lost the lease; entering everyone again");
            }
            // Whoever found it lost before could not begin another one.
            Lease::None => {}
        }
        *lease = Lease::None;
        let incarnation = self.rejoin().await.map_err(BackplaneError::new)?;
        tracing::info!(%incarnation, partition = self.partition.index(), "holds a lease");
        *lease = Lease::Incarnation(incarnation);
        self.clock().renewed = Instant::now();
        self.announce().await;
        Ok(())
    }

    async fn announce(&self) {
        if let Err(error) = self.directory.announce().await {
            tracing::warn!(%error, "no address announced");
        }
    }

    async fn rejoin(&self) -> Result<String, Failure> {
        let incarnation = self.leases.register().await?;
        // What was owed to the earlier incarnation goes with it.
        self.owed.clear();
        let entered = self.people.enter_all(&incarnation, &self.holders.claims()).await?;
        let taken = entered.iter().filter(|entered| **entered == Entered::Decided(Arrival::Taken)).count();
        if taken > 0 {
            tracing::warn!(taken, "others hold names that this node's sessions had");
        }
        Ok(incarnation)
    }

    /// Says what could not be said. However much that is, it does not cost the lease.
    async fn settle(&self, people: usize) -> Result<(), BackplaneError> {
        for some in self.owed.all().chunks(TOGETHER) {
            let settled = try_join_all(some.iter().map(|exit| self.settle_one(exit))).await;
            settled.map_err(BackplaneError::new)?;
            self.keep_lease(people).await?;
        }
        Ok(())
    }

    /// Says how many sessions there are now.
    async fn settle_one(&self, exit: &Exit) -> Result<(), Failure> {
        let lease = self.lease.read().await;
        let Lease::Incarnation(incarnation) = &*lease else { return Ok(()) };
        let _mine = self.pairs.lock(&exit.room, &exit.user).await;
        // They may have come back, or left for good, since.
        if self.owed.has(exit) {
            let sessions = self.holders.count(&exit.room, &exit.user);
            self.people.leave(incarnation, exit, sessions).await?;
            self.owed.settle(&exit.room, &exit.user);
        }
        Ok(())
    }

    /// Makes Redis's idea of what this node holds the same as the node's own.
    async fn repair(&self) -> Result<(), Failure> {
        if self.clock().repaired.is_some_and(|repaired| repaired.elapsed() < self.repair) {
            return Ok(());
        }
        let lease = self.lease.write().await;
        let Lease::Incarnation(incarnation) = &*lease else { return Ok(()) };
        let there = self.people.held(incarnation).await?;
        let mut wrong: Vec<_> = self.holders.claims();
        let here: HashSet<_> =
            wrong.iter().map(|(claim, _)| (claim.room.clone(), claim.user.clone())).collect();
        wrong.retain(|(claim, sessions)| {
            there.get(&(claim.room.clone(), claim.user.clone())) != Some(sessions)
        });
        self.people.enter_all(incarnation, &wrong).await?;
        let ghosts: Vec<_> = there.into_keys().filter(|pair| !here.contains(pair)).map(ghost).collect();
        self.people.leave_all(incarnation, &ghosts).await?;
        metrics::repairs((ghosts.len() + wrong.len()) as u64);
        if self.partition.is_first() {
            // The shard that keeps the addresses may have lost them, and have no partition that would show it.
            self.announce().await;
        }
        self.clock().repaired = Some(Instant::now());
        Ok(())
    }

    async fn bury(&self) -> Result<Vec<Buried>, Failure> {
        if matches!(*self.lease.read().await, Lease::Resigned) {
            return Ok(Vec::new());
        }
        // An answer that was lost may have been that a node is gone, and is given once.
        let was_lost = std::mem::replace(&mut self.clock().lost_an_answer, true);
        let burials = self.leases.bury().await?;
        if self.partition.is_first() && (was_lost || burials.iter().any(Burial::is_a_nodes)) {
            self.directory.forget_the_dead().await?;
        }
        self.clock().lost_an_answer = false;
        Ok(burials.into_iter().map(|burial| burial.buried).filter(|b| !b.incarnation.is_empty()).collect())
    }

    /// What was not answered may be carried out yet, and after what is said next; another Redis may have less than the one
    /// before. Compare once Redis answers.
    fn doubt(&self) {
        self.clock().repaired = None;
    }

    fn clock(&self) -> LockGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session's way out when its node goes first.
fn exit(Claim { room, user, session, grace, .. }: Claim) -> Exit {
    Exit { room, user, session, grace }
}

/// The way out of somebody who is not there.
fn ghost((room, user): (RoomId, UserId)) -> Exit {
    Exit { room, user, session: SessionId::random(), grace: Duration::ZERO }
}

fn resigned() -> BackplaneError {
    BackplaneError::new("this node has given up its lease")
}

/// Takes a claim back unless it is kept, also when its caller is dropped halfway.
struct Undo<'a> {
    tenure: &'a Tenure,
    claim: &'a Claim,
    /// It had come before, and is only another name: the session stays.
    was_in: bool,
    /// Redis may have it: a leave is owed.
    is_owed: bool,
    is_kept: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let Claim { room, user, session, .. } = self.claim.clone();
        if self.is_kept {
            return self.tenure.owed.settle(&room, &user);
        }
        let exit = Exit { room, user, session, grace: Duration::ZERO };
        if !self.was_in {
            self.tenure.holders.leave(&exit);
        }
        if self.is_owed {
            self.tenure.owed.add(&exit);
            self.tenure.doubt();
        }
    }
}

/// When things were last done.
#[derive(Debug)]
struct Clock {
    renewed: Instant,
    /// `None`: not yet, or something has happened since.
    repaired: Option<Instant>,
    lost_an_answer: bool,
}
