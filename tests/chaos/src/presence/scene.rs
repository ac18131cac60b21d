//! A room that is watched from several nodes, and what is made of that in the end.

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use tokio::time;

use super::{
    judge::{Verdict, judge},
    observer::Observer,
    person::Person,
    sight::{List, Sight, User},
    truth::{Fate, Truth},
};
use crate::log::Room;

/// The room and its observers.
#[derive(Debug)]
pub struct Scene {
    room: Room,
    began: Instant,
    observers: Vec<Observer>,
}

impl Scene {
    /// An observer comes by each of these doors.
    pub async fn open(room: Room, doors: &[SocketAddr]) -> io::Result<Self> {
        let mut scene = Self { room, began: Instant::now(), observers: Vec::new() };
        for door in doors {
            scene.is_joined(*door, &[], "nobody", 0).await?;
        }
        Ok(scene)
    }

    /// An observer more comes by this door, and people by those, all at once.
    pub async fn is_joined(
        &mut self,
        door: SocketAddr,
        doors: &[SocketAddr],
        who: &str,
        people: u16,
    ) -> io::Result<Vec<Person>> {
        let name = format!("{}-observer-{}", self.room.name(), self.observers.len());
        let observer = Observer::comes(name, door, self.room, self.began);
        let (observer, people) = tokio::try_join!(observer, self.gather(who, people, doors))?;
        self.observers.push(observer);
        Ok(people)
    }

    /// The time, as the sights have it.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// What the observers were told.
    pub fn sights(&self) -> Vec<Sight> {
        self.observers.iter().map(|observer| observer.sight().clone()).collect()
    }

    /// So many people come in, by these doors in turn.
    pub async fn gather(&self, who: &str, count: u16, doors: &[SocketAddr]) -> io::Result<Vec<Person>> {
        let one = |number: u16| {
            let name = format!("{}-{who}-{number}", self.room.name());
            Person::comes(name, doors[usize::from(number) % doors.len()], self.room)
        };
        stream::iter((0..count).map(one)).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Waits until every observer has seen these people come, beside the observers themselves.
    pub async fn is_seen<'a>(&self, people: impl IntoIterator<Item = &'a Person>) -> io::Result<()> {
        let truth = self.truth().with(people.into_iter().map(Person::user), Fate::Stays);
        if self.comes_right(&truth, SEEN).await {
            return Ok(());
        }
        let known: Vec<_> = self.observers.iter().map(|observer| observer.sight().here().len()).collect();
        Err(io::Error::other(format!("{} people came, and observers know {known:?}", truth.here().len())))
    }

    /// How the cluster knows the observers.
    pub fn observers(&self) -> impl Iterator<Item = &User> {
        self.observers.iter().map(|observer| &observer.user)
    }

    /// Goes on without one of them.
    pub fn dismiss(&mut self, observer: usize) -> Observer {
        self.observers.remove(observer)
    }

    /// From now on something may happen, but not to the observers.
    pub fn truth(&self) -> Truth {
        Truth::since(self.now()).with(self.observers(), Fate::Stays)
    }

    /// Waits until every observer knows who is here.
    pub async fn comes_right(&self, truth: &Truth, within: Duration) -> bool {
        let here = truth.here();
        let waited = time::timeout(within, async {
            while !self.observers.iter().all(|observer| *observer.sight().here() == here) {
                time::sleep(LOOKED_AT).await;
            }
        });
        waited.await.is_ok()
    }

    /// What every node lists.
    pub async fn lists(&self) -> io::Result<Vec<(String, List)>> {
        let answered = self.observers.iter().map(async |observer| {
            let name = observer.sight().observer.clone();
            let alone = || io::Error::other(format!("{name} got no list; there: {}", observer.is_there()));
            let list = observer.list().await.ok_or_else(alone)?;
            Ok((name, list))
        });
        try_join_all(answered).await
    }

    /// Listens for a while to what may be told too much, asks every node for its list, and judges.
    pub async fn judged(&self, truth: &Truth, out: &mut impl Write) -> io::Result<Verdict> {
        time::sleep(AFTER).await;
        let lists = self.lists().await?;
        let mut verdict = judge(&self.sights(), truth);
        lists.iter().for_each(|(name, list)| verdict.lists(name, list, truth));
        writeln!(out, "    {verdict}")?;
        for example in verdict.examples() {
            writeln!(out, "    ! {example}")?;
        }
        Ok(verdict)
    }
}

/// People who come in at a time.
const AT_ONCE: usize = 64;
/// How long it may take until all have been seen who came.
const SEEN: Duration = Duration::from_secs(20);
const LOOKED_AT: Duration = Duration::from_millis(50);
const AFTER: Duration = Duration::from_secs(1);
