//! The arguments of sendmail(8) as mail programs write them: options may be glued to their value
//! or to each other, most mean nothing here, and what is left are recipients. Parsed by hand,
//! since no other command has such a grammar. Specified in poste(1), sendmail.

use crate::cli::wrong;
use crate::client::error::Error;

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
                    // -o's value is always glued: -oi, -oem, -odb.
                    let apart = at + 1 == options.len() && option != b'o' && option != b'q';
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
}
