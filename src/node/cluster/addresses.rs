//! Where a cluster is, as the configuration says it. Refuses what cannot be read, and never shows
//! the password in it.
//! Specified in posted(8), CONFIGURATION.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use std::fmt;
use std::str::FromStr;

/// Host and port of one server.
pub type Server = (String, u16);

/// Where a cluster is: addresses of some of its nodes, with one user and password for all.
#[derive(Clone, PartialEq, Eq)]
pub struct Addresses {
    scheme: &'static str,
    /// With the `@` after it; may be empty.
    user: String,
    hosts: Vec<String>,
}

/// The text names no cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be \"redis://HOST:PORT,HOST:PORT\", with USER:PASSWORD@ before or without")]
pub struct BadAddresses;

impl FromStr for Addresses {
    type Err = BadAddresses;
    fn from_str(text: &str) -> Result<Addresses, BadAddresses> {
        let known = ["redis://", "rediss://"].into_iter();
        let mut found = known.filter_map(|s| text.strip_prefix(s).map(|rest| (s, rest)));
        let (scheme, rest) = found.next().ok_or(BadAddresses)?;
        let (user, hosts) = match rest.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), rest),
        };
        let hosts: Vec<_> = hosts.split(',').map(str::to_owned).collect();
        let addresses = Addresses { scheme, user, hosts };
        let plain = |host: &String| !host.contains(['/', '?', '#']) && !host.is_empty();
        let read = addresses.servers().len() == addresses.hosts.len();
        if read && addresses.hosts.iter().all(plain) { Ok(addresses) } else { Err(BadAddresses) }
    }
}

impl Addresses {
    /// The servers that are named.
    pub fn servers(&self) -> Vec<Server> {
        let urls = self.hosts.iter().map(|host| format!("{}{}{host}", self.scheme, self.user));
        let read = urls.filter_map(|url| url.as_str().into_connection_info().ok());
        let server = |info: ConnectionInfo| match info.addr() {
            ConnectionAddr::Tcp(host, port) => Some((host.clone(), *port)),
            ConnectionAddr::TcpTls { host, port, .. } => Some((host.clone(), *port)),
            _ => None,
        };
        read.filter_map(server).collect()
    }

    /// How to connect to a server, be it named or not.
    pub fn url(&self, (host, port): &Server) -> String {
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("{}{}{host}:{port}", self.scheme, self.user)
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.user.is_empty() { "" } else { "***@" };
        write!(f, "{}{user}{}", self.scheme, self.hosts.join(","))
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_passwords_not_shown() {
        let read = |text: &str| text.parse::<Addresses>();
        let one = read("redis://10.0.0.1:6379").unwrap();
        assert_eq!(one.to_string(), "redis://10.0.0.1:6379");
        let three = read("rediss://poste:s3:cr@t@a.example:1,b.example:2,[2001:db8::1]:3").unwrap();
        assert_eq!(three.to_string(), "rediss://***@a.example:1,b.example:2,[2001:db8::1]:3");
        assert_eq!(format!("{three:?}"), three.to_string());
        let servers = three.servers();
        assert_eq!(servers[2], ("2001:db8::1".to_owned(), 3));
        assert_eq!(three.url(&servers[1]), "rediss://poste:s3:cr@t@b.example:2");
        assert_eq!(three.url(&servers[2]), "rediss://poste:s3:cr@t@[2001:db8::1]:3");
        assert_eq!(read("redis://a").unwrap().servers(), [("a".to_owned(), 6379)]);
        for bad in
            ["", "redis:", "redis://", "redis://a,", "redis://a:b", "http://a", "redis://a/1"]
        {
            assert_eq!(read(bad), Err(BadAddresses), "{bad}");
        }
    }
}
