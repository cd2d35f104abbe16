//! The figures as text, 100 columns at most.

use super::hours;
use super::linked::{self, Learnt, Way};
use super::town::{Bears, Figures, Spread, Town};
use std::io::{self, Write};

/// A number with a unit, in at most 6 characters: `118 kB`.
pub fn bytes(amount: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut at = 0;
    let mut left = amount;
    while left >= 999.5 && at + 1 < units.len() {
        left /= 1000.0;
        at += 1;
    }
    let places = usize::from(left < 9.95 && at > 0);
    format!("{left:.places$} {}", units[at])
}

/// A whole number with its digits in groups.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A crowd; of a large one, the middle alone.
fn crowd(spread: &Spread) -> String {
    if spread.median >= 1000.0 {
        return grouped(spread.median);
    }
    format!("{:.0}/{:.0}", spread.median, spread.least)
}

/// What a person pays, and hides in.
pub fn people(out: &mut dyn Write, towns: &[(Town, Figures)]) -> io::Result<()> {
    let digits = |what: &str| [0, 1, 2, 3].map(|digits| format!("{what}{digits}"));
    let down = digits("down ").map(|cell| format!("{cell:>7}")).concat();
    let crowds = digits("crowd ").map(|cell| format!("{cell:>8}")).concat();
    writeln!(out, "\n{:>10}{:>6}{down}{crowds}", "people", "nodes")?;
    for (town, found) in towns {
        write!(out, "{:>10}{:>6}", grouped(town.people as f64), town.nodes)?;
        found.down.iter().try_for_each(|down| write!(out, "{:>7}", bytes(*down)))?;
        found.crowd.iter().try_for_each(|spread| write!(out, "{:>8}", crowd(spread)))?;
        writeln!(out)?;
    }
    Ok(())
}

/// The crowd of who is known by both nodes, and what a node has to do.
pub fn nodes(out: &mut dyn Write, towns: &[(Town, Figures)]) -> io::Result<()> {
    writeln!(
        out,
        "\n{:>10} {:>6}  {:>8}{:>8}{:>8}  {:>9}{:>9} {:>8}{:>8}{:>8} {:>8}{:>8}",
        "people",
        "nodes",
        "both 0",
        "both 1",
        "both 2",
        "cells in",
        "fullest",
        "out 0",
        "out 1",
        "out 2",
        "store",
        "memory"
    )?;
    for (town, found) in towns {
        write!(out, "{:>10} {:>6}  ", grouped(town.people as f64), town.nodes)?;
        found.both[..3].iter().try_for_each(|spread| write!(out, "{:>8}", crowd(spread)))?;
        write!(out, "  {:>9}{:>9} ", grouped(found.cells), grouped(found.fullest))?;
        found.out[..3].iter().try_for_each(|given| write!(out, "{:>8}", bytes(*given)))?;
        writeln!(out, " {:>8}{:>8}", bytes(found.store), bytes(found.memory))?;
    }
    Ok(())
}

/// How many nodes towns need.
pub fn needed(out: &mut dyn Write, bears: &Bears, people: &[u64]) -> io::Result<()> {
    write!(out, "\n{:<34}{:>11}", "a node is enough, until its", "people")?;
    people.iter().try_for_each(|people| write!(out, "{:>11}", grouped(*people as f64)))?;
    writeln!(out)?;
    let mut row = |name: String, bears: f64| {
        write!(out, "{name:<34}{:>11}", grouped(bears.floor()))?;
        for people in people {
            write!(out, "{:>11}", grouped((*people as f64 / bears).ceil()))?;
        }
        writeln!(out)
    };
    row("store is full".into(), bears.store)?;
    for (digits, line) in bears.line.iter().enumerate() {
        row(format!("line is full, digits: {digits}"), *line)?;
    }
    for (digits, budget) in bears.budget.iter().enumerate() {
        row(format!("listeners' budget is, digits: {digits}"), *budget)?;
    }
    Ok(())
}

/// What a row of the linking observers is about.
pub struct Case {
    pub nodes: u64,
    pub habit: linked::Habit,
    pub learnt: Learnt,
}

/// What who links uploads learns.
pub fn uploads(out: &mut dyn Write, cases: &[Case]) -> io::Result<()> {
    write!(out, "\n{:<8}{:>5}{:>7}{:>6}  {:<4}", "pacing", "nodes", "digits", "cells", "who")?;
    linked::WEEKS.iter().try_for_each(|weeks| write!(out, "{:>5}w", weeks))?;
    writeln!(out, "{:>8}{:>8}{:>8}", "wait", "99 %", "sent")?;
    for Case { nodes, habit, learnt } in cases {
        let way = match habit.way {
            Way::Bare => "none",
            Way::Paced => "pace",
            Way::Strict => "strict",
        };
        for (who, named) in [("all", &learnt.all), ("one", &learnt.one)] {
            write!(out, "{way:<8}{nodes:>5}{:>7}{:>6.0}  {who:<4}", habit.digits, habit.cells)?;
            named.iter().try_for_each(|share| write!(out, "{:>5.0}%", share * 100.0))?;
            if who == "one" {
                writeln!(out)?;
                continue;
            }
            let [wait, long] = learnt.wait;
            writeln!(out, "{:>7.0}h{:>7.0}h{:>7.0}%", wait, long, learnt.sent * 100.0)?;
        }
    }
    Ok(())
}

/// What who watches the clock learns.
pub fn clock(
    out: &mut dyn Write,
    cases: &[(Town, hours::Habit, [f64; hours::WEEKS.len()], f64)],
) -> io::Result<()> {
    write!(out, "\n{:<8}{:>10}{:>7}{:>6}", "pacing", "people", "nodes", "cells")?;
    hours::WEEKS.iter().try_for_each(|weeks| write!(out, "{:>5}w", weeks))?;
    writeln!(out, "{:>14}", "3 deviations")?;
    for (town, habit, named, weeks) in cases {
        let way = if habit.paced { "pace" } else { "none" };
        let people = grouped(town.people as f64);
        write!(out, "{way:<8}{people:>10}{:>7}{:>6.0}", town.nodes, habit.cells)?;
        named.iter().try_for_each(|share| write!(out, "{:>5.0}%", share * 100.0))?;
        writeln!(out, "{:>8} weeks", grouped(weeks.ceil()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::town;

    /// The page quotes the table of `examples/simulate` with its usual seed.
    #[test]
    fn the_page_says_what_is_found() {
        let page = std::fs::read_to_string(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("man/poste-protocol.7"),
        );
        let (page, rhythm) = (page.unwrap(), town::Rhythm::usual());
        for (people, nodes) in [(100, 3), (1000, 3), (10_000, 30), (100_000, 30)] {
            let town = Town { people, nodes, seed: 1 };
            let mut text = Vec::new();
            super::people(&mut text, &[(town, town::figures(&town, &rhythm))]).unwrap();
            for line in String::from_utf8(text).unwrap().lines() {
                assert!(page.contains(line), "not in the page: {line}");
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        let written = [0.0, 999.4, 1000.0, 9_960.0, 54_321.0, 2.41e6, 9.99e8, 1e9, 7e16].map(bytes);
        let expected =
            ["0 B", "999 B", "1.0 kB", "10 kB", "54 kB", "2.4 MB", "999 MB", "1.0 GB", "70 PB"];
        assert_eq!(written, expected.map(str::to_owned));
        assert_eq!(
            [7.0, 1234.0, 1e7].map(grouped),
            ["7", "1 234", "10 000 000"].map(str::to_owned)
        );
    }
}
