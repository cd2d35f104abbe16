//! The arguments of sendmail(8) as mail programs write them: options may be glued to their value
//! or to each other, most mean nothing here, and what is left are recipients. Parsed by hand,
//! since no other command has such a grammar. Specified in poste(1), sendmail.

use crate::cli::wrong;
use crate::client::error::Error;
use std::ffi::OsString;

/// What sendmail was asked to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `-t`: recipients are in To, Cc and Bcc.
    pub from_headers: bool,
    /// The recipients named.
    pub recipients: Vec<String>,
}

/// Options with a value, which may follow as an argument of its own.
const VALUED: &[u8] = b"fFrhNRVXLABOopq";
/// Options without one.
const PLAIN: &[u8] = b"timnGUvsx";

/// Takes what stands behind `sendmail` out of a command line: it is not clap's to read, which would
/// swallow a `--` and take `-V` for its own. Long options of every command may still come first.
pub fn split(args: Vec<OsString>) -> (Vec<OsString>, Vec<String>) {
    let text = |at: usize| args.get(at).and_then(|a: &OsString| a.to_str()).unwrap_or_default();
    let with_value = |at| matches!(text(at), "--home" | "--config");
    let mut at = 1;
    while text(at).starts_with('-') {
        at += if with_value(at) { 2 } else { 1 };
    }
    if text(at) != "sendmail" {
        return (args, Vec::new());
    }
    at += 1;
    loop {
        match text(at) {
            _ if with_value(at) => at += 2,
            "--json" | "--no-input" => at += 1,
            long if long.starts_with("--home=") || long.starts_with("--config=") => at += 1,
            _ => break,
        }
    }
    let at = at.min(args.len());
    let rest = args[at..].iter().map(|a| a.to_string_lossy().into_owned()).collect();
    (args[..at].to_vec(), rest)
}

/// Reads the arguments.
pub fn parse(arguments: &[String]) -> Result<Arguments, Error> {
    let mut out = Arguments::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            out.recipients.extend(rest.cloned());
            break;
        }
        let Some(options) = argument.strip_prefix('-').filter(|o| !o.is_empty()) else {
            out.recipients.push(argument.clone());
            continue;
        };
        for (at, option) in options.bytes().enumerate() {
            match option {
                b't' => out.from_headers = true,
                // -bm, deliver mail, is what we do; -bs, -bp and the like are other programs.
                b'b' if &options[at + 1..] == "m" => break,
                _ if PLAIN.contains(&option) => {}
                _ if VALUED.contains(&option) => {
                    // -q alone, with no interval, is a whole option.
                    let apart = at + 1 == options.len() && option != b'q';
                    if apart && rest.next().is_none() {
                        return Err(wrong(format!("sendmail: -{options} needs a value")));
                    }
                    break;
                }
                _ => return Err(wrong(format!("sendmail: unknown option {argument}"))),
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Arguments {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        parse(&words).unwrap()
    }

    #[test]
    fn what_mail_programs_pass_is_understood() {
        for (line, from_headers, recipients) in [
            ("-f me@poste -- bob@poste carol@poste", false, vec!["bob@poste", "carol@poste"]),
            ("-oem -oi -- bob@poste", false, vec!["bob@poste"]),
            ("-i bob@poste", false, vec!["bob@poste"]),
            ("-oi -t", true, vec![]),
            ("-ti", true, vec![]),
            ("-fme@poste -t -i", true, vec![]),
            ("-bm -B8BITMIME -N failure,delay -R hdrs bob", false, vec!["bob"]),
            ("-FRoot -r me bob", false, vec!["bob"]),
            ("-- -t", false, vec!["-t"]),
            ("-o i -A c -G -m -n -v -h 3 -V id -X log bob", false, vec!["bob"]),
            ("-oi -obm -O DeliveryMode=b -L tag bob -i carol", false, vec!["bob", "carol"]),
        ] {
            let arguments = parsed(line);
            assert_eq!(arguments.from_headers, from_headers, "{line}");
            assert_eq!(arguments.recipients, recipients, "{line}");
        }
    }

    #[test]
    fn what_we_are_not_is_refused() {
        for line in ["-bs", "-bp", "-Z", "-f"] {
            assert!(parse(&[line.to_owned()]).is_err(), "{line}");
        }
    }

    #[test]
    fn the_rest_of_the_line_is_not_for_clap() {
        let split = |line: &str| {
            let (left, right) = split(line.split_whitespace().map(OsString::from).collect());
            (left.len(), right.join(" "))
        };
        assert_eq!(split("poste sendmail -V x -- -t"), (2, "-V x -- -t".to_owned()));
        assert_eq!(split("poste --home sendmail -v sendmail -q bob"), (5, "-q bob".to_owned()));
        assert_eq!(split("poste sendmail --home d --json -t"), (5, "-t".to_owned()));
        assert_eq!(split("poste sendmail --home"), (3, String::new()));
        assert_eq!(split("poste send sendmail -s x"), (5, String::new()));
        assert_eq!(split("poste"), (1, String::new()));
    }
}
