//! What the local server does in a second, compared with what Argon2 allows: password grants and refreshes in a closed
//! loop over connections that stay open, with everything on disk. Also how long it takes from its start to the first
//! token, and what it costs in processor time and memory.
//!
//! `cargo bench --bench load [-- OPTIONS]`, where the options are
//!
//! - `--seconds N`: how long each row is measured, 3 by default;
//! - `--in-flight N,N,..`: how many requests are in flight at the same time, 1,8,32 by default;
//! - `--only ROWS`: `password`, `refresh` or `start`, or several of them separated by commas; or one of these, which are
//!   left out otherwise: `scale`, what a request costs with a thousand, a hundred thousand and a million users and as many
//!   sessions in the tables; `soak`, the server's memory, again and again, under logins and refreshes;
//! - `--server PATH`: another `passgrant` than the one built with this benchmark, to compare two in alternation;
//! - `--folder PATH`: where the data folder is made, by default the temporary folder. Its disk decides what writes
//!   cost.
//!
//! One thread of this process drives the server, on the same processors. Its time is printed; the server loses that
//! much.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program of its own, which prints what it measured")]

mod driver;
mod fill;
mod limits;
mod server;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::driver::{Driver, Row};
use crate::fill::fill;
use crate::limits::Limits;
use crate::server::{ALGORITHMS, Registered, Server, user_name};

/// How many starts are measured; their median is printed.
const STARTS: usize = 9;

/// How long the memory is watched.
const SOAK: Duration = Duration::from_mins(10);
const SCALE_IN_FLIGHT: usize = 8;
const SCALE_ROUNDS: usize = 5;

struct Options {
    seconds: f64,
    in_flight: Vec<usize>,
    only: Vec<String>,
    server: PathBuf,
    folder: PathBuf,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            seconds: 3.0,
            in_flight: vec![1, 8, 32],
            only: ["password", "refresh", "start"].map(str::to_owned).to_vec(),
            server: env!("CARGO_BIN_EXE_passgrant").into(),
            folder: std::env::temp_dir(),
        };
        // `cargo bench` passes `--bench`.
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(option) = arguments.next() {
            let value = arguments.next().unwrap_or_else(|| exit(&format!("{option} needs a value")));
            let number = |text: &str| text.parse().unwrap_or_else(|_| exit(&format!("{text} is no number")));
            match option.as_str() {
                "--seconds" => options.seconds = number(&value),
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
                "--in-flight" => options.in_flight = value.split(',').map(|text| number(text) as usize).collect(),
                "--only" => options.only = value.split(',').map(str::to_owned).collect(),
                "--server" => options.server = value.into(),
                "--folder" => options.folder = value.into(),
                _ => exit(&format!("{option} is no option")),
            }
        }
        options
    }

    fn wants(&self, rows: &str) -> bool {
        self.only.iter().any(|wanted| wanted == rows)
    }

    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn exit(reason: &str) -> ! {
    println!("{reason}: see benches/load/main.rs");
    std::process::exit(2)
}

fn main() {
    let options = Options::read();
    let folder = tempfile::tempdir_in(&options.folder).expect("a temporary folder");
    let data = folder.path().join("data");
    let most = options.in_flight.iter().copied().max().unwrap_or(1).max(1);

    let server = Server::start(&options.server, &data);
    let registered = Registered::by_command(&options.server, &data, most);
    println!("{}\n{}", options.server.display(), processor());
    if options.wants("password") {
        passwords(&options, &server, &registered);
    }
    if options.wants("refresh") {
        refreshes(&options, &server, &registered);
    }
    if options.wants("soak") {
        soak(&options, &server, &registered);
    }
    println!("\npeak memory of the server: {:.0} MiB", server.peak_mib());
    server.stop();
    if options.wants("start") {
        starts(&options, &data, &registered);
    }
    if options.wants("scale") {
        scale(&options, &data, &registered);
    }
}

fn passwords(options: &Options, server: &Server, registered: &Registered) {
    // Measured before and after: the machine may behave differently by then.
    let mut limits = Limits::measure();
    let mut driver = Driver::connect(server.address(), most(options));
    let users = registered.users(most(options));
    driver.log_in(registered, &users, users.len(), Duration::from_millis(300));
    let rows: Vec<_> = options
        .in_flight
        .iter()
        .map(|&in_flight| {
            let row = server.measured(|| driver.log_in(registered, &users, in_flight, options.duration()));
            (in_flight, row)
        })
        .collect();
    limits.join(&Limits::measure());

    limits.print();
    println!(
        "\n{:<26}{:>9}{:>9}{:>9}{:>9}{:>10}{:>12}{:>12}{:>11}",
        "password grants, in flight",
        "a second",
        "p50 ms",
        "p99 ms",
        "most",
        "of limit",
        "of other's",
        "p99/ideal",
        "CPU ms"
    );
    for (in_flight, row) in rows {
        let (limit, other) = (limits.rate(in_flight), limits.rate_of_fastest_other(in_flight));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let ideal = in_flight as f64 / other * 1e3;
        println!(
            "{in_flight:<26}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>10.3}{:>12.3}{:>12.2}{:>11.2}",
            row.rate(),
            row.percentile(0.5),
            row.percentile(0.99),
            row.percentile(1.0),
            row.rate() / limit,
            row.rate() / other,
            row.percentile(0.99) / ideal,
            row.server_cpu_ms(),
        );
    }
    println!(
        "(limit: cores / one verification by passgrant-argon2, other: by argon2-rust; ideal: what is in flight / other)"
    );
}

fn refreshes(options: &Options, server: &Server, registered: &Registered) {
    println!(
        "\n{:<26}{:>9}{:>9}{:>9}{:>9}{:>15}{:>15}",
        "refreshes, in flight", "a second", "p50 ms", "p99 ms", "most", "server CPU ms", "driver CPU ms"
    );
    for algorithm in ALGORITHMS {
        let mut driver = Driver::connect(server.address(), most(options));
        let mut chains = driver.begin_chains(registered, algorithm, most(options));
        driver.refresh(registered, algorithm, &mut chains, Duration::from_millis(500));
        for &in_flight in &options.in_flight {
            let chains = &mut chains[..in_flight];
            let row = server.measured(|| driver.refresh(registered, algorithm, chains, options.duration()));
            print_refreshes(&format!("{algorithm}, {in_flight}"), &row);
        }
    }
}

fn print_refreshes(name: &str, row: &Row) {
    println!(
        "{name:<26}{:>9.0}{:>9.2}{:>9.2}{:>9.1}{:>15.3}{:>15.3}",
        row.rate(),
        row.percentile(0.5),
        row.percentile(0.99),
        row.percentile(1.0),
        row.server_cpu_ms(),
        row.driver_cpu_ms(),
    );
}

/// What a request costs against what is in the tables. The users who log in are scattered over the whole table.
fn scale(options: &Options, data: &Path, registered: &Registered) {
    let server = Server::start(&options.server, data);
    Driver::connect(server.address(), 1).one_login(registered);
    server.stop();
    println!("\n{:<26}{:>21}{:>21}", "users and sessions", "password grant, ms", "refresh (ES256), ms");
    for count in [1_000, 100_000, 1_000_000] {
        fill(data, count);
        let server = Server::start(&options.server, data);
        let mut driver = Driver::connect(server.address(), SCALE_IN_FLIGHT);
        let users: Vec<_> = (0..1_000).map(|number| user_name(number * (count / 1_000))).collect();
        let mut chains = driver.begin_chains(registered, "ES256", SCALE_IN_FLIGHT);
        let (mut logins, mut refreshes) = (Vec::new(), Vec::new());
        for _ in 0..SCALE_ROUNDS {
            let row = server.measured(|| driver.log_in(registered, &users, SCALE_IN_FLIGHT, options.duration()));
            logins.push(row.server_cpu_ms());
            let row = server.measured(|| driver.refresh(registered, "ES256", &mut chains, options.duration()));
            refreshes.push(row.server_cpu_ms());
        }
        println!("{count:<26}{:>21}{:>21}", spread(&mut logins), spread(&mut refreshes));
        server.stop();
    }
    println!("(the server's processor time for each; {SCALE_ROUNDS} rounds: least, median, most)");
}

fn spread(times: &mut [f64]) -> String {
    times.sort_by(f64::total_cmp);
    format!("{:.3} {:.3} {:.3}", times[0], times[times.len() / 2], times[times.len() - 1])
}

/// Logins and refreshes in turn; the server's memory after each pair of them.
fn soak(options: &Options, server: &Server, registered: &Registered) {
    println!("\n{:<26}{:>14}{:>14}{:>14}", "seconds", "requests", "memory, MiB", "peak, MiB");
    let users = registered.users(most(options));
    let mut driver = Driver::connect(server.address(), most(options));
    let mut chains = driver.begin_chains(registered, "RS256", most(options));
    let (started, mut requests) = (Instant::now(), 0.0);
    while started.elapsed() < SOAK {
        requests += driver.log_in(registered, &users, users.len(), options.duration()).count();
        requests += driver.refresh(registered, "RS256", &mut chains, options.duration()).count();
        let seconds = started.elapsed().as_secs();
        println!("{seconds:<26}{requests:>14.0}{:>14.1}{:>14.1}", server.anonymous_mib(), server.peak_mib());
    }
}

/// From the start of the process, on a folder that was used before, to the first answer with a token.
fn starts(options: &Options, data: &Path, registered: &Registered) {
    let mut times: Vec<_> = (0..STARTS)
        .map(|_| {
            let address = server::free_address();
            let started = Instant::now();
            let server = Server::spawn(&options.server, data, &address);
            let mut driver = Driver::connect_soon(&address);
            driver.one_login(registered);
            let taken = started.elapsed();
            server.stop();
            taken.as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "start to first token, {STARTS} times: median {:.1} ms, least {:.1}, most {:.1} (one verification in it)",
        times[STARTS / 2],
        times[0],
        times[STARTS - 1]
    );
}

fn most(options: &Options) -> usize {
    options.in_flight.iter().copied().max().unwrap_or(1)
}

fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cores} of {}; load before: {load}", model.trim_start_matches([' ', '\t', ':']))
}
