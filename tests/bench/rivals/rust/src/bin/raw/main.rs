//! What a machine can do at best: a chat that speaks just enough Socket.IO by hand. `raw PORT [REDIS]`
//!
//! One thread. Each message is framed once; what has come in one turn of the loop goes out as one batch, with one write
//! to each socket. There is no room, order, history, bound or patience.

mod frame;
mod hub;
mod member;
mod redis;
mod upgrade;

use std::{env, error::Error, rc::Rc};

use tokio::{net::TcpListener, runtime, task::LocalSet};

use crate::hub::Hub;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let port: u16 = arguments.next().ok_or("raw PORT [REDIS]")?.parse()?;
    let redis = arguments.next();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(port, redis))
}

async fn serve(port: u16, redis: Option<String>) -> Result<(), Box<dyn Error>> {
    let hub = Rc::new(match redis {
        Some(url) => Hub::joined(redis::connect(&url).await?),
        None => Hub::alone(),
    });
    hub::start(&hub);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let hub = Rc::clone(&hub);
        tokio::task::spawn_local(async move {
            // Whoever goes, goes: nobody is told.
            let _ = member::attend(stream, &hub).await;
        });
    }
}
