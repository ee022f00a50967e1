//! The relay's end of a connection to a server.

use super::cluster::World;
use rand::RngExt as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

pub(super) struct Stream {
    pub(super) world: World,
    pub(super) id: u64,
    pub(super) alarm: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let cluster = &mut *this.world.borrow_mut();
        let is_cut = cluster.is_cut(this.id);
        let connection = cluster.connections.get_mut(&this.id).expect("the relay has an end of it");
        let pipe = &mut connection.down;
        pipe.waker = Some(cx.waker().clone());
        if is_cut {
            return Poll::Pending;
        }
        if pipe.is_reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let Some(due) = pipe.due() else {
            return if pipe.is_finished { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        if due > Instant::now() {
            let mut alarm = Box::pin(sleep_until(due));
            if alarm.as_mut().poll(cx).is_pending() {
                this.alarm = Some(alarm);
                return Poll::Pending;
            }
        }
        let len_max = buf.remaining().min(cluster.random.random_range(1..=9000));
        let taken = pipe.take(len_max, Instant::now().max(due)).expect("it is there");
        buf.put_slice(&taken);
        connection.flush(&mut cluster.random);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let cluster = &mut *self.world.borrow_mut();
        let is_cut = cluster.is_cut(self.id);
        let connection = cluster.connections.get_mut(&self.id).expect("the relay has an end of it");
        if let Some(error) = connection.write_error().filter(|_| !is_cut) {
            return Poll::Ready(Err(error));
        }
        let room = connection.up.room();
        if room == 0 {
            connection.up.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = cluster.random.random_range(1..=bytes.len()).min(room);
        connection.up.put(bytes[..len].to_vec(), &mut cluster.random);
        cluster.changed.notify_one();
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let cluster = &mut *self.world.borrow_mut();
        let connection = cluster.connections.get_mut(&self.id).expect("the relay has an end of it");
        connection.up.is_finished = true;
        cluster.changed.notify_one();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let cluster = &mut *self.world.borrow_mut();
        let Some(connection) = cluster.connections.get_mut(&self.id) else { return };
        connection.end_at_relay(&mut cluster.random);
        if !connection.is_at_server {
            cluster.connections.remove(&self.id);
        }
        cluster.changed.notify_one();
    }
}
