//! Three panels in one SVG file: what it costs, what it hides in, and what who links uploads
//! learns. Nothing in it runs or is fetched; lines differ in their dashes as well as their colours.

use super::linked::WEEKS;
use super::table::Case;
use super::town::{Figures, Town};
use std::fmt::Write;

const WIDTH: f64 = 1260.0;
const HEIGHT: f64 = 440.0;
/// Where a panel's axes are, in a panel of a third of the width.
const LEFT: f64 = 74.0;
const TOP: f64 = 50.0;
const ACROSS: f64 = 320.0;
const DOWN: f64 = 310.0;

/// Colour and dashes of each line of a panel.
const LOOKS: [(&str, &str); 5] = [
    ("#1b6ca8", "none"),
    ("#c1440e", "9 3"),
    ("#2a7f3f", "4 3"),
    ("#6b3fa0", "1.5 3"),
    ("#444444", "12 3 2 3"),
];

/// One of the axes.
struct Axis {
    label: &'static str,
    from: f64,
    to: f64,
    logarithmic: bool,
    /// Values that are marked, and how.
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Where a value lies, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.logarithmic { value.log10() } else { value };
        let share = (scale(value) - scale(self.from)) / (scale(self.to) - scale(self.from));
        share.clamp(0.0, 1.0)
    }
}

/// A line and its name. The second number of a point is drawn as a faint line of the same look.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
    faint: Vec<(f64, f64)>,
}

struct Panel {
    title: &'static str,
    x: Axis,
    y: Axis,
    lines: Vec<Line>,
    /// A level, and what it is.
    level: Option<(f64, String)>,
    /// Where the legend begins, from the top left of the axes.
    legend: (f64, f64),
}

/// The whole drawing. `towns` are of growing size on the same number of nodes.
pub fn draw(towns: &[(Town, Figures)], budget: f64, cases: &[&Case]) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>What a town of poste costs, hides and shows</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    let nodes = towns.first().map_or(0, |(town, _)| town.nodes);
    let panels = [costs(towns, budget), crowds(towns), learns(cases)];
    for (at, panel) in panels.iter().enumerate() {
        panel.draw(&mut out, at as f64 * WIDTH / panels.len() as f64);
    }
    text(
        &mut out,
        WIDTH / 2.0,
        HEIGHT - 8.0,
        "middle",
        &format!("towns on {nodes} nodes; usual pace, nodes a sync and rhythm; examples/simulate"),
    );
    out.push_str("</svg>\n");
    out
}

fn powers(from: i32, to: i32, write: impl Fn(f64) -> String) -> Vec<(f64, String)> {
    (from..=to).map(|power| (10f64.powi(power), write(10f64.powi(power)))).collect()
}

/// A power of ten, in at most 4 characters.
fn short(number: f64) -> String {
    match number {
        1e6.. => format!("{} M", number / 1e6),
        1e3.. => format!("{} k", number / 1e3),
        _ => format!("{number}"),
    }
}

fn people() -> Axis {
    let ticks = powers(2, 7, short);
    Axis { label: "people in the town", from: 1e2, to: 1e7, logarithmic: true, ticks }
}

fn by_digits(digits: usize, points: Vec<(f64, f64)>, faint: Vec<(f64, f64)>) -> Line {
    let name = if digits == 1 { "1 digit".to_owned() } else { format!("{digits} digits") };
    Line { name, points, faint }
}

fn costs(towns: &[(Town, Figures)], budget: f64) -> Panel {
    let points = |digits: usize| {
        towns.iter().map(|(t, f)| (t.people as f64, f.down[digits])).collect::<Vec<_>>()
    };
    Panel {
        title: "Fetched a day by a person",
        x: people(),
        y: Axis {
            label: "bytes a day",
            from: 1e4,
            to: 1e13,
            logarithmic: true,
            ticks: powers(4, 13, super::table::bytes),
        },
        lines: (0..4).map(|digits| by_digits(digits, points(digits), Vec::new())).collect(),
        level: Some((budget, "usual budget".into())),
        legend: (12.0, 8.0),
    }
}

fn crowds(towns: &[(Town, Figures)]) -> Panel {
    let points = |digits: usize, least: bool| {
        let of = |f: &Figures| {
            let spread = f.crowd[digits];
            if least { spread.least } else { spread.median }
        };
        towns.iter().map(|(t, f)| (t.people as f64, of(f))).collect::<Vec<_>>()
    };
    Panel {
        title: "Crowd at a node (thin: 99 of 100 have more)",
        x: people(),
        y: Axis {
            label: "people who fetch the same",
            from: 1.0,
            to: 1e6,
            logarithmic: true,
            ticks: powers(0, 6, short),
        },
        lines: (0..4).map(|d| by_digits(d, points(d, false), points(d, true))).collect(),
        level: None,
        legend: (12.0, 8.0),
    }
}

fn learns(cases: &[&Case]) -> Panel {
    let line = |case: &&Case| {
        let habit = case.habit;
        let way = match habit.way {
            super::linked::Way::Bare => "no pace",
            super::linked::Way::Paced => "pace",
            super::linked::Way::Strict => "strict pace",
        };
        let named = WEEKS.iter().zip(&case.learnt.all);
        Line {
            name: format!("{way}, {:.0} real cells a day", habit.cells),
            points: named.map(|(weeks, share)| (*weeks as f64, share * 100.0)).collect(),
            faint: Vec::new(),
        }
    };
    Panel {
        title: "Favourite's digit named by who links uploads",
        x: Axis {
            label: "weeks of linking",
            from: 1.0,
            to: 26.0,
            logarithmic: true,
            ticks: WEEKS.iter().map(|weeks| (*weeks as f64, weeks.to_string())).collect(),
        },
        y: Axis {
            label: "% of people",
            from: 0.0,
            to: 100.0,
            logarithmic: false,
            ticks: (0..=5).map(|i| (f64::from(i) * 20.0, (i * 20).to_string())).collect(),
        },
        lines: cases.iter().map(line).collect(),
        level: Some((100.0 / 16.0, "by chance".into())),
        legend: (68.0, 165.0),
    }
}

impl Panel {
    fn draw(&self, out: &mut String, shift: f64) {
        let left = shift + LEFT;
        let at = |(x, y): (f64, f64)| {
            (left + self.x.place(x) * ACROSS, TOP + (1.0 - self.y.place(y)) * DOWN)
        };
        let title = TOP - 22.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{title}\" text-anchor=\"middle\" font-weight=\"bold\">{}</text>",
            left + ACROSS / 2.0,
            self.title
        );
        for (value, mark) in &self.x.ticks {
            let (x, _) = at((*value, self.y.from));
            line(out, (x, TOP), (x, TOP + DOWN), "stroke=\"#e4e4e4\"");
            text(out, x, TOP + DOWN + 17.0, "middle", mark);
        }
        for (value, mark) in &self.y.ticks {
            let (_, y) = at((self.x.from, *value));
            line(out, (left, y), (left + ACROSS, y), "stroke=\"#e4e4e4\"");
            text(out, left - 6.0, y + 4.0, "end", mark);
        }
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{TOP}\" width=\"{ACROSS}\" height=\"{DOWN}\" fill=\"none\" \
             stroke=\"#333333\"/>"
        );
        text(out, left + ACROSS / 2.0, TOP + DOWN + 38.0, "middle", self.x.label);
        let (x, y) = (shift + 14.0, TOP + DOWN / 2.0);
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" \
             transform=\"rotate(-90 {x:.1} {y:.1})\">{}</text>",
            self.y.label
        );
        if let Some((value, name)) = &self.level {
            let (_, y) = at((self.x.from, *value));
            line(out, (left, y), (left + ACROSS, y), "stroke=\"#999999\" stroke-width=\"1.5\"");
            text(out, left + ACROSS - 6.0, y + 13.0, "end", name);
        }
        for (each, (colour, dashes)) in self.lines.iter().zip(LOOKS) {
            let mut draw = |points: &[(f64, f64)], width: f64| {
                let points: Vec<String> = points
                    .iter()
                    .map(|point| at(*point))
                    .map(|(x, y)| format!("{x:.1},{y:.1}"))
                    .collect();
                let _ = writeln!(
                    out,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" \
                     stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\"/>",
                    points.join(" ")
                );
            };
            draw(&each.points, 2.2);
            if !each.faint.is_empty() {
                draw(&each.faint, 0.8);
            }
        }
        self.legend(out, left);
    }

    fn legend(&self, out: &mut String, left: f64) {
        let (x, y) = (left + self.legend.0, TOP + self.legend.1);
        let height = 18.0 * self.lines.len() as f64 + 8.0;
        let longest = self.lines.iter().map(|line| line.name.len()).max().unwrap_or_default();
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height}\" fill=\"#ffffff\" \
             fill-opacity=\"0.85\" stroke=\"#bbbbbb\"/>",
            46.0 + 6.3 * longest as f64
        );
        for (at, (each, (colour, dashes))) in self.lines.iter().zip(LOOKS).enumerate() {
            let y = y + 16.0 + 18.0 * at as f64;
            let look =
                format!("stroke=\"{colour}\" stroke-width=\"2.2\" stroke-dasharray=\"{dashes}\"");
            line(out, (x + 6.0, y - 4.0), (x + 36.0, y - 4.0), &look);
            text(out, x + 42.0, y, "start", &each.name);
        }
    }
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), look: &str) {
    let _ = writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {look}/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, what: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linked::{Habit, Learnt, Way};
    use crate::town::{Rhythm, figures};

    #[test]
    fn every_line_has_its_place_and_its_name() {
        let towns: Vec<(Town, Figures)> = [100, 1000]
            .map(|people| Town { people, nodes: 3, seed: 1 })
            .map(|town| (town, figures(&town, &Rhythm::usual())))
            .into();
        let learnt = Learnt { all: [0.5; _], one: [0.5; _], sent: 1.0, wait: [0.0; 2] };
        let habit = Habit { way: Way::Paced, digits: 1, cells: 12.0 };
        let drawn = draw(&towns, 5e7, &[&Case { nodes: 3, habit, learnt }]);
        assert_eq!(drawn.matches("<polyline ").count(), 4 + 8 + 1);
        for name in ["bytes a day", "people in the town", "1 digit<", "3 digits<", "usual budget"] {
            assert!(drawn.contains(name), "{name}");
        }
        // Half of the height, and the whole width.
        let ends = format!("{:.1},{:.1}\"", 840.0 + LEFT + ACROSS, TOP + DOWN / 2.0);
        assert!(drawn.contains(&ends), "{ends}");
        let opened = drawn.matches('<').count();
        let closed = drawn.matches("/>").count() + 2 * drawn.matches("</").count();
        assert_eq!(opened, closed, "every element is closed");
        assert!(!drawn.contains("NaN") && !drawn.contains("inf") && !drawn.contains("<script"));
    }
}
