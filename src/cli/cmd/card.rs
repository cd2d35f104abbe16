//! `poste card`: what one gives a friend. Without a flag the identity link and the words of the
//! fingerprint; the link to be copied, the words to be read aloud. `renew` and `end` sign a card that
//! cannot be taken back, so a person at a terminal is asked; a script is taken at its word.
//! Specified in poste(1), card.

use crate::cli::Run;
use crate::cli::args::CardAction;
use crate::cli::ui::Done;
use crate::client::error::{Error, Kind};
use crate::client::{own, people, series};
use crate::core::card::Card;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use serde::Serialize;

/// What one gives a friend, as `--json` has it.
#[derive(Serialize)]
struct Given {
    link: String,
    words: String,
}

impl Given {
    fn of(card: &Card) -> Given {
        Given { link: own::link(card), words: card.fingerprint().words() }
    }
}

pub fn run(run: &mut Run<'_, '_>, toml: bool, qr: bool, words: bool) -> Done {
    let signed = own::load(run.env)?;
    let spoken = signed.card.fingerprint().words();
    if toml {
        return run.ui.text(signed.text());
    }
    if run.ui.json() {
        return run.ui.value(&Given::of(&signed.card));
    }
    if qr {
        run.ui.text(&code(&signed.card)?)?;
    }
    if !words {
        run.ui.line(&own::link(&signed.card))?;
    }
    run.ui.line(&spoken)?;
    if people::list(run.env)?.is_empty() {
        run.ui.note("that is for friends; what a friend gives you:");
        run.ui.next("poste add bob LINK-OR-FILE");
    }
    Ok(())
}

/// The identity link as a QR code in characters. A code is dark on light, and terminals mostly are
/// the other way round: what is drawn is the light.
fn code(card: &Card) -> Result<String, Error> {
    if card.urls.is_empty() {
        let what = "the card has no address, so there is no link that a code could show";
        return Err(Error::new(Kind::Config, what)
            .hint("name one in config.toml, as urls, then: poste publish"));
    }
    drawn(&own::link(card))
}

fn drawn(link: &str) -> Result<String, Error> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L)
        .map_err(|error| Error::new(Kind::Data, format!("the link is too long: {error}")))?;
    let mut drawing = code.render::<Dense1x2>();
    drawing.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark);
    Ok(drawing.build() + "\n")
}

pub fn change(run: &mut Run<'_, '_>, action: CardAction) -> Done {
    let question = match action {
        CardAction::Renew => {
            "begin new keys, so that letters by the old ones prove nothing? [y/N] "
        }
        CardAction::End => "end this identity for good? nobody takes another card after it [y/N] ",
    };
    if run.prompt.agrees(question)? == Some(false) {
        run.ui.note("nothing was changed");
        return Ok(());
    }
    let signed = match action {
        CardAction::Renew => series::renew(run.env)?,
        CardAction::End => series::end(run.env)?,
    };
    run.ui.note(&match action {
        CardAction::Renew => format!("new keys since {}", signed.card.series.iso()),
        CardAction::End => {
            format!("this is the last card; letters can be sent until {}", signed.card.last_day())
        }
    });
    match series::correspondents(run.env)? {
        0 => {}
        some => run.ui.note(&format!("the next sync tells {some} contacts")),
    }
    run.ui.next(match run.env.config.publish.is_empty() {
        true => "poste card --toml >card.toml",
        false => "poste publish",
    });
    if run.ui.json() {
        return run.ui.value(&Given::of(&signed.card));
    }
    run.ui.line(&own::link(&signed.card))?;
    run.ui.line(&signed.card.fingerprint().words())
}

#[cfg(test)]
mod tests {
    use super::*;
    use qrcode::Color;

    #[test]
    fn what_is_drawn_is_the_light_of_the_code_with_a_quiet_zone() {
        let link = format!("https://alice.example/poste.toml#{}", "4b".repeat(32));
        let drawn = drawn(&link).unwrap();
        let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        let is_light = |x: usize, y: usize| match lines[y / 2][x] {
            '\u{2588}' => true,
            '\u{2580}' => y.is_multiple_of(2),
            '\u{2584}' => !y.is_multiple_of(2),
            ' ' => false,
            other => panic!("{other:?}"),
        };
        let code = QrCode::with_error_correction_level(&link, EcLevel::L).unwrap();
        let width = code.width();
        assert_eq!(lines[0].len(), width + 8);
        for y in 0..width + 8 {
            for x in 0..width + 8 {
                let inside = (4..width + 4).contains(&x) && (4..width + 4).contains(&y);
                let light = !inside || code[(x - 4, y - 4)] == Color::Light;
                assert_eq!(is_light(x, y), light, "{x} {y}");
            }
        }
        assert!(lines.iter().all(|line| line.len() == width + 8) && width <= 57, "{width}");
    }
}
