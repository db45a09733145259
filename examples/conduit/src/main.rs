//! Serves Conduit until it is told to stop.

use std::error::Error;
use std::pin::pin;
use std::process::ExitCode;

use conduit::{Config, USAGE, asked_to_stop, serve};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the address is what was asked for")]
async fn run() -> Result<(), Box<dyn Error>> {
    let Some(config) = Config::read(std::env::args_os().skip(1), |name| std::env::var_os(name))?
    else {
        print!("{USAGE}");
        return Ok(());
    };
    tracing_subscriber::fmt()
        .with_max_level(config.log)
        .with_writer(std::io::stderr)
        .init();
    let mut stop = pin!(asked_to_stop()?);
    let server = tokio::select! {
        server = serve(&config) => server?,
        () = &mut stop => return Ok(()),
    };
    println!("conduit serves on http://{}/api", server.address());
    stop.await;
    Ok(server.stop().await?)
}

fn report(error: &dyn Error) {
    eprintln!("conduit: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        eprintln!("  because: {error}");
        source = error.source();
    }
}
