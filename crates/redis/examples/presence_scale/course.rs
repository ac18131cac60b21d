//! The steps of a run: everybody comes, takes a name, rests; some leave and come back; a node dies.

use std::time::{Duration, Instant};

use hubbub_core::RoomId;
use tokio::time::{sleep, timeout};

use crate::{
    Arguments, Error,
    figures::{Burial, Calm, Figures, Heard, Memory, Reading},
    gauge::{Calls, Gauge, float},
    nodes::Nodes,
    server::Server,
    town::{self, Town},
};

/// A run under way.
#[derive(Debug)]
struct Course {
    users: u32,
    town: Town,
    nodes: Nodes,
    gauge: Gauge,
    // The last to go.
    _server: Server,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<Figures, Error> {
    let calm = Duration::from_secs(arguments.calm);
    let mut course = Course::begin(arguments).await?;
    let empty = course.gauge.memory().await?;
    let enter = course.enter_all().await?;
    let with_rooms = course.gauge.memory().await?;
    let claim = course.claim_names().await?;
    let with_names = course.gauge.memory().await?;
    Ok(Figures {
        users: arguments.users,
        nodes: arguments.nodes,
        memory: Memory { rooms: with_rooms - empty, rooms_and_names: with_names - empty },
        enter,
        claim,
        calm: course.watch(calm).await?,
        readings: course.read().await?,
        leave: course.leave_for_good().await?,
        hold: course.leave_for_a_while().await?,
        back: course.come_back().await?,
        heard: course.be_heard().await?,
        burial: course.bury().await?,
    })
}

impl Course {
    async fn begin(arguments: &Arguments) -> Result<Self, Error> {
        let server = Server::start()?;
        let gauge = Gauge::new(server.connect().await?);
        let nodes = Nodes::start(&server.url(), arguments.nodes).await?;
        Ok(Self { users: arguments.users, town: Town::of(arguments.users), nodes, gauge, _server: server })
    }

    async fn enter_all(&self) -> Result<Calls, Error> {
        eprintln!("{} people come in", self.users);
        self.gauge.reset().await?;
        let first = self.nodes.enter(0..self.users, |person| self.town.claim(person)).await?;
        expect_all(first, self.users)?;
        self.gauge.calls("evalsha").await
    }

    async fn claim_names(&self) -> Result<Calls, Error> {
        eprintln!("they take their names");
        self.gauge.reset().await?;
        let first = self.nodes.enter(0..self.users, |person| self.town.name_claim(person)).await?;
        expect_all(first, self.users)?;
        self.gauge.calls("evalsha").await
    }

    /// What the nodes cost when nobody comes or goes.
    async fn watch(&self, calm: Duration) -> Result<Calm, Error> {
        eprintln!("calm for {} s", calm.as_secs());
        self.gauge.reset().await?;
        self.gauge.note_each().await?;
        let began = Instant::now();
        sleep(calm).await;
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), self.gauge.cpu().await?);
        let compare = self.gauge.calls("smembers").await?;
        let noted = self.gauge.noted().await?;
        let of =
            |keys| Calls::of(noted.iter().filter(|call| call.keys == keys).map(|call| call.micros).collect());
        let (renew, look) = (of(RENEW), of(BURY));
        if renew.count == 0 || look.count == 0 {
            return Err("no renewals were seen: have the scripts other keys now?".into());
        }
        Ok(Calm {
            calls_per_second: float(renew.count + look.count) / seconds,
            cpu_percent: cpu / seconds * 100.0,
            renew,
            look,
            compare,
        })
    }

    /// Everyone in a room, several times: as a node does that begins to hear it.
    async fn read(&self) -> Result<Vec<Reading>, Error> {
        let mut readings = Vec::new();
        for (room, people) in self.town.read() {
            self.gauge.reset().await?;
            let began = Instant::now();
            for _ in 0..READINGS {
                expect_all(self.nodes.read(room).await?, people)?;
            }
            let milliseconds = began.elapsed().as_secs_f64() * 1e3 / f64::from(READINGS);
            readings.push(Reading { people, redis: self.gauge.calls("hgetall").await?, milliseconds });
        }
        Ok(readings)
    }

    /// Each of the two groups is a twentieth of all people, and none of them is on the node that dies.
    fn some(&self, group: u32) -> impl Iterator<Item = u32> + use<> {
        let nodes = self.nodes.count();
        (0..self.users).filter(move |person| person % nodes != 0 && person / nodes % 20 == group)
    }

    async fn leave_for_good(&self) -> Result<Calls, Error> {
        eprintln!("some leave for good, some for a while, some are heard");
        self.gauge.reset().await?;
        self.nodes.leave(self.some(0), |person| self.town.exit(person, Duration::ZERO)).await?;
        self.gauge.calls("evalsha").await
    }

    async fn leave_for_a_while(&self) -> Result<Calls, Error> {
        self.gauge.reset().await?;
        self.nodes.leave(self.some(1), |person| self.town.exit(person, town::GRACE)).await?;
        self.gauge.calls("evalsha").await
    }

    async fn come_back(&self) -> Result<Calls, Error> {
        self.gauge.reset().await?;
        let first = self.nodes.enter(self.some(1), |person| self.town.claim(person)).await?;
        expect_all(first, 0)?;
        self.gauge.calls("evalsha").await
    }

    /// Coming into a room that nodes listen to: of each change all of them are told.
    async fn be_heard(&mut self) -> Result<Vec<Heard>, Error> {
        let (quiet, great) = (town::empty(), self.town.great().clone());
        let (few, all) = (FEW.min(self.nodes.count()), self.nodes.count());
        Ok(vec![self.visit(&quiet, few).await?, self.visit(&great, all).await?])
    }

    async fn visit(&mut self, room: &RoomId, nodes: u32) -> Result<Heard, Error> {
        let _hearing = self.nodes.hear(room, 0..nodes as usize).await?;
        let visitors = || town::visitors(self.users);
        self.gauge.reset().await?;
        let first = self.nodes.enter(visitors(), |person| self.town.claim_in(room, person)).await?;
        expect_all(first, u32::try_from(visitors().len())?)?;
        let enter = self.gauge.calls("evalsha").await?;
        self.gauge.reset().await?;
        self.nodes.leave(visitors(), |person| self.town.exit_from(room, person, Duration::ZERO)).await?;
        Ok(Heard { nodes, enter, leave: self.gauge.calls("evalsha").await? })
    }

    /// One node dies with everyone on it.
    async fn bury(&mut self) -> Result<Burial, Error> {
        let held = 2 * self.users.div_ceil(self.nodes.count());
        eprintln!("a node with {held} rooms and names dies");
        self.gauge.reset().await?;
        self.gauge.note_each().await?;
        self.nodes.kill_first();
        let died = Instant::now();
        let (mut announced, mut began, mut ended) = (0, None, died);
        while announced < held as usize {
            // What is not said by then is missing in the figures.
            let Ok(beat) = timeout(LONGEST_BURIAL, self.nodes.next_beat()).await else { break };
            let beat = beat.ok_or("no node beats")?;
            announced += beat.buried?.iter().map(|buried| buried.users).sum::<usize>();
            began = Some(began.map_or(beat.began, |earlier: Instant| earlier.min(beat.began)));
            ended = ended.max(beat.ended);
        }
        let noted = self.gauge.noted().await?;
        let calls: Vec<u64> = noted.iter().filter(|call| call.keys == BURY).map(|call| call.micros).collect();
        Ok(Burial {
            held: held as usize,
            announced,
            seconds: began.map_or(0.0, |began| (ended - began).as_secs_f64()),
            gone_after: (ended - died).as_secs_f64(),
            longest_call: calls.iter().max().copied().unwrap_or_default(),
            per_pair: float(calls.iter().sum()) / f64::from(held),
        })
    }
}

fn expect_all(came: usize, expected: u32) -> Result<(), Error> {
    if came == expected as usize {
        return Ok(());
    }
    Err(format!("{expected} people were expected, and it were {came}").into())
}

/// Keys of the scripts that are called when nobody comes or goes.
const RENEW: usize = 3;
const BURY: usize = 4;

const READINGS: u32 = 20;
/// Nodes that hear a small room.
const FEW: u32 = 8;
/// Between two calls that bury somebody, the lease included.
const LONGEST_BURIAL: Duration = Duration::from_secs(15);
