//! Under a SOCKS proxy: the name goes to the proxy, every node and direction has credentials of
//! its own, and nothing but loopback goes around it.

use super::*;

/// A proxy that notes `host:port user password` of each connection and leads all to `port`.
fn proxy_to(port: u16) -> Server {
    Server::new(move |mut client, seen| {
        let mut byte = [0; 2];
        client.read_exact(&mut byte).unwrap();
        client.read_exact(&mut vec![0; byte[1].into()]).unwrap();
        client.write_all(&[5, 2]).unwrap();
        client.read_exact(&mut byte[..1]).unwrap();
        let (user, password) = (read_short(&mut client), read_short(&mut client));
        client.write_all(&[1, 0]).unwrap();
        let mut head = [0; 4];
        client.read_exact(&mut head).unwrap();
        assert_eq!(head, [5, 1, 0, 3], "a connection by name");
        let host = read_short(&mut client);
        client.read_exact(&mut byte).unwrap();
        let named = u16::from_be_bytes(byte);
        seen.lock().unwrap().requests.push(format!("{host}:{named} {user} {password}"));
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut back, mut forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut back, &mut forth));
        let _ = std::io::copy(&mut client, &mut server);
    })
}

fn read_short(stream: &mut TcpStream) -> String {
    let mut length = [0];
    stream.read_exact(&mut length).unwrap();
    let mut text = vec![0; length[0].into()];
    stream.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn net_by(proxy: &Server) -> Net {
    let proxy = format!("socks5h://127.0.0.1:{}", proxy.port).parse().unwrap();
    let options = Options { proxy: Some(proxy), patience: impatient(), ca_file: None };
    Net::new(options).unwrap()
}

#[test]
fn names_go_to_the_proxy_with_credentials_of_their_own() {
    let relay = Server::answering(answer("200 OK", b""));
    let proxy = proxy_to(relay.port);
    let net = net_by(&proxy);
    let mut rng = Fixed::new(7);
    for url in ["http://alpha.onion", "http://beta.onion:8080"] {
        let courier = net.courier(&own(url), &mut rng).unwrap();
        for _ in 0..2 {
            assert!(courier.post(hourly(), &cells(1)).unwrap().trusted, "an onion service counts");
            courier.fetch(hourly(), prefix("4"), 4096).unwrap();
        }
    }
    let learnt = Address::parse("http://gamma.onion/alice.toml", Origin::Learnt).unwrap();
    net.document(&learnt, DOCUMENT_LIMIT, &mut rng).unwrap();

    let requests = proxy.requests();
    let named: Vec<_> = requests.iter().map(|r| r.split(' ').next().unwrap()).collect();
    assert_eq!(
        named,
        [
            "alpha.onion:80",
            "alpha.onion:80",
            "beta.onion:8080",
            "beta.onion:8080",
            "gamma.onion:80"
        ]
    );
    let mut credentials: Vec<_> = requests.iter().flat_map(|r| r.split(' ').skip(1)).collect();
    assert!(credentials.iter().all(|c| c.len() == 32), "{credentials:?}");
    credentials.sort_unstable();
    credentials.dedup();
    assert_eq!(credentials.len(), 10, "no user name or password is used twice");
}

#[test]
fn loopback_is_reached_directly() {
    let relay = Server::answering(answer("200 OK", b""));
    let proxy = proxy_to(relay.port);
    let courier = net_by(&proxy).courier(&own(&relay.url()), &mut Fixed::new(1)).unwrap();
    courier.post(hourly(), &cells(1)).unwrap();
    assert_eq!((proxy.connections(), relay.connections()), (0, 1));
}

#[test]
fn without_a_proxy_an_onion_service_is_not_looked_up() {
    let error = net().courier(&own("http://alpha.onion"), &mut Fixed::new(1)).err().unwrap();
    assert!(matches!(error.cause, Cause::NeedsProxy), "{error}");
}

#[test]
fn proxy_that_is_away_or_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = listener.local_addr().unwrap().port();
    drop(listener);
    let not_socks = Server::new(|mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let no_circuit = Server::new(|mut stream, _| {
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(&[5, 0, 5, 1]);
    });
    let silent = Server::new(|_stream, _| thread::sleep(Duration::from_secs(3)));
    for (what, port, kind) in [
        ("away", away, Kind::Transient),
        ("no circuit", no_circuit.port, Kind::Transient),
        ("silent", silent.port, Kind::Transient),
        ("not socks", not_socks.port, Kind::Protocol),
    ] {
        let proxy = format!("socks5h://127.0.0.1:{port}").parse().unwrap();
        let options = Options { proxy: Some(proxy), patience: impatient(), ca_file: None };
        let net = Net::new(options).unwrap();
        let courier = net.courier(&own("https://relay.example"), &mut Fixed::new(1)).unwrap();
        let error = courier.post(hourly(), &cells(1)).unwrap_err();
        assert_eq!(error.kind(), kind, "{what}: {error}");
        let named = error.to_string().contains("through the proxy");
        assert!(named || what == "silent", "{what}: {error}");
    }
}

#[test]
fn only_proxies_that_resolve_names_are_taken() {
    for good in ["socks5h://127.0.0.1:9050", "socks5h://[::1]:9050/", "socks5h://localhost:1"] {
        assert!(good.parse::<Proxy>().is_ok(), "{good}");
    }
    for bad in [
        "socks5://127.0.0.1:9050",
        "socks4a://127.0.0.1:9050",
        "http://127.0.0.1:8080",
        "127.0.0.1:9050",
        "socks5h://127.0.0.1",
        "socks5h://[::1]",
        "socks5h://user:secret@127.0.0.1:9050",
        "socks5h://127.0.0.1:9050/path",
    ] {
        assert_eq!(bad.parse::<Proxy>(), Err(BadProxy), "{bad}");
    }
}
