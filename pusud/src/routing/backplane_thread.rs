//! The thread of the network, whatever backplane it has.

use crate::routing::link_status::Status;
use anyhow::Context as _;
use std::io;
use std::sync::mpsc;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::oneshot;

/// Starts the thread. `make` is called there, inside the runtime, and gives the network; what that gives comes when the
/// thread has ended, or an error when it has died.
///
/// # Errors
/// The thread or its runtime cannot be made, or `make` has failed.
pub fn start_backplane<F: Future<Output = Status>>(
    make: impl FnOnce() -> io::Result<F> + Send + 'static,
) -> anyhow::Result<oneshot::Receiver<Status>> {
    let (done, ended) = oneshot::channel();
    let (started, wait_for_start) = mpsc::channel();
    std::thread::Builder::new()
        .name("pusu-network".to_owned())
        .spawn(move || match runtime(make) {
            Ok((runtime, network)) => {
                // Nobody listening to either means that the relay has given up meanwhile.
                started.send(Ok(())).ok();
                done.send(runtime.block_on(network)).ok();
            }
            Err(error) => {
                started.send(Err(error)).ok();
            }
        })
        .context("cannot start the thread of the network")?;
    wait_for_start
        .recv()
        .context("the thread of the network has died")?
        .context("cannot start the runtime of the network")?;
    Ok(ended)
}

fn runtime<F>(make: impl FnOnce() -> io::Result<F>) -> io::Result<(LocalRuntime, F)> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())?;
    let network = {
        let _inside = runtime.enter();
        make()?
    };
    Ok((runtime, network))
}
