//! Towns of 100 to ten million people: what poste costs each of them and each node, how large the
//! crowd is that somebody hides in, and what is learnt in weeks by whoever watches.
//!
//! ```text
//! cargo run --release --example simulate -- [--seed N] [--nodes N] [FILE.svg]
//! ```
//!
//! Tables go to standard output, a drawing to the file; both are the same for the same seed (1).
//! `--nodes` (30) is how many nodes the towns of the drawing have. Bytes are those of cells: HTTP
//! and TLS come on top. What is sent by `sync --now`, such as large attachments, is not in it.

mod dice;
mod fetched;
mod hours;
mod linked;
mod plot;
mod table;
mod texts;
mod town;

use linked::{Habit, Way};
use poste::core::bucket::CELL;
use poste::core::listen::BUDGET;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::{env, fs, thread};
use table::Case;
use texts::{CLOCK, FETCHED, NEEDED, NODES, PEOPLE, UPLOADS};
use town::{Figures, Rhythm, Town};

/// What a node has if nothing else is said: bytes of store, as posted(8) has it, and a line of 100
/// Mbit/s, in bytes an hour.
const STORE: f64 = 1_073_741_824.0;
const LINE: f64 = 100e6 / 8.0 * 3600.0;
/// People and nodes of the towns of the table.
const TOWNS: [(u64, &[u64]); 6] = [
    (100, &[3]),
    (1000, &[3, 30]),
    (10_000, &[3, 30, 300]),
    (100_000, &[30, 300, 3000]),
    (1_000_000, &[30, 300, 3000]),
    (10_000_000, &[300, 3000, 30_000]),
];
/// Cells a day: somebody who seldom writes, who writes, and who writes all day.
const CELLS: [f64; 3] = [4.0, 12.0, 40.0];
/// People whose uploads are linked, for each case.
const LINKED: u64 = 200;
/// People who are watched by the clock, for each case.
const WATCHED: u64 = 400;

/// What was asked for.
struct Wanted {
    seed: u64,
    nodes: u64,
    svg: Option<String>,
}

fn main() -> ExitCode {
    match wanted(env::args().skip(1)).and_then(|wanted| run(&wanted)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done if even standard error is closed.
            let _ = writeln!(io::stderr(), "simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, Box<dyn Error>> {
    let mut wanted = Wanted { seed: 1, nodes: 30, svg: None };
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u64, Box<dyn Error>> {
            let value = arguments.next().ok_or_else(|| format!("{argument} wants a number"))?;
            value.parse().map_err(|_| format!("{argument}: {value} is no number").into())
        };
        match argument.as_str() {
            "--seed" => wanted.seed = number()?,
            "--nodes" => wanted.nodes = number()?,
            flag if flag.starts_with('-') || wanted.svg.is_some() => {
                return Err("usage: simulate [--seed N] [--nodes N] [FILE.svg]".into());
            }
            _ => wanted.svg = Some(argument),
        }
    }
    if !(3..=100_000).contains(&wanted.nodes) {
        return Err("--nodes: from 3 to 100000".into());
    }
    Ok(wanted)
}

fn run(wanted: &Wanted) -> Result<(), Box<dyn Error>> {
    let rhythm = Rhythm::usual();
    let town = |people, nodes| Town { people, nodes, seed: wanted.seed };
    let all = TOWNS.iter().flat_map(|(people, nodes)| nodes.iter().map(|n| town(*people, *n)));
    let drawn = TOWNS.iter().map(|(people, _)| town(*people, wanted.nodes));
    let (all, drawn): (Vec<Town>, Vec<Town>) = (all.collect(), drawn.collect());
    let cases = [3, 30].into_iter().flat_map(habits).collect::<Vec<_>>();
    let of_all = |towns: Vec<Town>| -> Vec<(Town, Figures)> {
        towns.into_iter().map(|town| (town, town::figures(&town, &rhythm))).collect()
    };
    // One half of the work beside the other.
    let (all, drawn, cases) = thread::scope(|scope| {
        let other = scope.spawn(|| {
            let linked = |(nodes, habit): (u64, Habit)| {
                let town = town(1000 * nodes, nodes);
                Case { nodes, habit, learnt: linked::simulate(&town, &rhythm, habit, LINKED) }
            };
            cases.into_iter().map(linked).collect::<Vec<Case>>()
        });
        let towns = (of_all(all), of_all(drawn));
        other.join().map(|cases| (towns.0, towns.1, cases))
    })
    .map_err(|_| "a part of the work failed")?;

    let mut out = io::stdout().lock();
    head(&mut out, &rhythm, wanted.seed)?;
    section(&mut out, PEOPLE)?;
    table::people(&mut out, &all)?;
    section(&mut out, NODES)?;
    table::nodes(&mut out, &all)?;
    section(&mut out, NEEDED)?;
    let bears = town::bears(&rhythm, STORE, LINE, BUDGET as f64);
    table::needed(&mut out, &bears, &TOWNS.map(|(people, _)| people)[2..])?;
    section(&mut out, UPLOADS)?;
    table::uploads(&mut out, &cases)?;
    section(&mut out, CLOCK)?;
    table::clock(&mut out, &clock(&rhythm, wanted.seed))?;
    section(&mut out, FETCHED)?;
    fetched(&mut out)?;
    out.flush()?;
    if let Some(path) = &wanted.svg {
        let shown: Vec<&Case> = cases.iter().filter(|case| is_drawn(case)).collect();
        let drawing = plot::draw(&drawn, BUDGET as f64, &shown);
        fs::write(path, drawing).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(())
}

/// The cases of linking that are simulated on so many nodes.
fn habits(nodes: u64) -> Vec<(u64, Habit)> {
    let habit = |way, digits, cells| (nodes, Habit { way, digits, cells });
    let mut habits = vec![habit(Way::Bare, 1, CELLS[1])];
    for digits in 1..=3 {
        habits.extend(CELLS.map(|cells| habit(Way::Paced, digits, cells)));
    }
    habits.extend([1, 2].map(|digits| habit(Way::Strict, digits, CELLS[1])));
    habits
}

/// Those on 30 nodes with one digit are drawn.
fn is_drawn(case: &Case) -> bool {
    case.nodes == 30 && case.habit.digits == 1
}

/// The cases of watching the clock.
fn clock(rhythm: &Rhythm, seed: u64) -> Vec<(Town, hours::Habit, [f64; hours::WEEKS.len()], f64)> {
    let towns = [(100, 3), (1000, 3), (10_000, 30), (100_000, 30)];
    let cases = towns.into_iter().flat_map(|(people, nodes)| {
        [false, true].map(|paced| {
            let town = Town { people, nodes, seed };
            (town, hours::Habit { paced, cells: CELLS[1] })
        })
    });
    cases
        .map(|(town, habit)| {
            let named = hours::simulate(&town, rhythm, habit, WATCHED.min(town.people));
            (town, habit, named, hours::weeks_to_stand_out(&town, rhythm, habit))
        })
        .collect()
}

fn fetched(out: &mut dyn Write) -> io::Result<()> {
    let shares = [0.5, 0.8, 0.9, 0.99, 0.999, 1.0];
    write!(out, "\n{:<12}", "crowd")?;
    shares.iter().try_for_each(|share| write!(out, "{:>9}", format!("{}%", share * 100.0)))?;
    writeln!(out)?;
    for crowd in [5.0, 13.0, 42.0, 125.0, 400.0] {
        write!(out, "{crowd:<12}")?;
        for share in shares {
            let letters = fetched::letters(crowd, share);
            let letters = letters.map_or("never".into(), |letters| table::grouped(letters as f64));
            write!(out, "{letters:>9}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn head(out: &mut dyn Write, rhythm: &Rhythm, seed: u64) -> io::Result<()> {
    let Rhythm { pace, visits, syncs } = rhythm;
    let daily = rhythm.daily();
    let cells = rhythm.cells_a_day(*visits);
    let up = table::bytes((cells * CELL as u64) as f64);
    writeln!(
        out,
        "Seed {seed}. Everybody listens on {} nodes and writes to {} people; {pace} cells to each of\n\
         {visits} nodes in each of {syncs} syncs an hour, and {daily} more to each once a day: {cells} \
         cells or\n{up} up a day, whatever the mail.",
        town::LISTENS,
        town::CONTACTS
    )
}

fn section(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "\n{text}")
}
