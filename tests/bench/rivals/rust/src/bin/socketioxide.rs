//! Bare socketioxide on axum, as its README has it: `socketioxide PORT`.

use std::{env, error::Error};

use axum::Router;
use socketioxide::{
    SocketIo,
    extract::{Data, SocketRef},
};
use tokio::net::TcpListener;

/// With the default of 128 it drops most of what it should deliver in the busy rows, without a word.
const PACKETS_PER_SOCKET: usize = 8_192;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::args().nth(1).ok_or("socketioxide PORT")?.parse()?;
    let (layer, io) =
        SocketIo::builder().req_path("/sio/socket.io").max_buffer_size(PACKETS_PER_SOCKET).build_layer();
    let everybody = io.clone();
    io.ns("/", async move |socket: SocketRef| {
        socket.on("message", async move |Data::<String>(text)| {
            // Who is too slow misses it; the others have it.
            let _ = everybody.emit("response", &text).await;
        });
    });
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, Router::new().layer(layer)).await?)
}
