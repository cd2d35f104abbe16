//! Connections: accepting them up to a limit, the PROXY header of those that must have one, TLS,
//! HTTP/1.1 with every limit set, and the stop that lets requests under way finish. Knows no path;
//! hands the address of the far end to the role, which counts by it, and to nothing else.
//! Specified in posted(8), LIMITS and PROXIES.

use crate::core::time::HOUR;
use crate::node::admin::Admin;
use crate::node::answer::Answer;
use crate::node::arrival::Arrival;
use crate::node::callers::Peer;
use crate::node::direct::{self, Handed, Seat};
use crate::node::identity::Host;
use crate::node::log::Log;
use crate::node::metrics::Traffic;
use crate::node::paced::Paced;
use crate::node::preface;
use crate::node::relay::Relay;
use crate::node::slots::{Place, Slots};
use crate::node::tls::Identity;
use crate::node::tracker::Tracker;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// A TLS handshake must be done in this time, and so must the PROXY header before it.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// The head of a request must be there in this time, counted from the end of the one before.
pub const HEAD: Duration = Duration::from_secs(10);
/// Headers in a request.
pub const HEADERS: usize = 32;
/// Bytes of the head of a request.
pub const HEAD_BYTES: usize = 16 << 10;
/// Requests under way at a stop have this time to finish.
pub const STOP: Duration = Duration::from_secs(30);
/// Bytes read from a connection at a time.
const BUFFER: usize = 64 << 10;

/// What a listener serves.
#[derive(Clone)]
pub enum Service {
    /// The relay, for everybody.
    Relay(Arc<Relay>),
    /// The tracker, for everybody.
    Tracker(Arc<Tracker>),
    /// The identity host, for everybody.
    Identity(Arc<Host>),
    /// Health and counters, for the operator.
    Admin(Arc<Admin>),
}

/// One address and what is served there.
pub struct Door {
    /// Bound and listening.
    pub listener: TcpListener,
    /// `None` for plain HTTP.
    pub tls: Option<Arc<Identity>>,
    /// What is behind it.
    pub service: Service,
    /// Connections open at a time; see [`Slots`].
    pub connections: usize,
}

/// Serves until `stop` becomes true, then finishes what is under way, for at most [`STOP`].
pub async fn serve(door: Door, mut stop: watch::Receiver<bool>, log: Log) {
    let slots = Slots::new(door.connections);
    // Each connection has a sender, and nothing is ever sent.
    let (open, mut all_closed) = mpsc::channel(1);
    loop {
        let accepted = async {
            let accepted = door.listener.accept().await?;
            // Only now, so that nobody gives way for nothing.
            Ok::<_, io::Error>((accepted, slots.take().await))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok(((stream, from), place)) => {
                let tls = door.tls.as_ref().map(|identity| identity.acceptor());
                let service = door.service.clone();
                let stop = Stop { stop: stop.clone(), _open: open.clone() };
                tokio::spawn(counted((stream, from.ip()), tls, service, stop, place));
            }
            Err(error) => {
                log.error(format_args!("accepting a connection: {error}"));
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop((door.listener, open));
    if timeout(STOP, all_closed.recv()).await.is_err() {
        log.error("some requests did not finish in 30 s and were cut off");
    }
}

/// By which a connection knows that it should end, and the door that it has not.
struct Stop {
    stop: watch::Receiver<bool>,
    _open: mpsc::Sender<Infallible>,
}

impl Service {
    /// What is to be done every second; blocks.
    pub fn chores(&self) {
        match self {
            Service::Relay(relay) => {
                let (metrics, traffic) = (relay.metrics(), &relay.metrics().traffic);
                metrics.wiped.add(relay.buckets().chores() as u64);
                let at = relay.buckets().keeper().monotonic();
                metrics.rate.look(at, traffic.received.get(), traffic.sent.get());
                let now = relay.buckets().keeper().now();
                relay.meter().compare(relay.buckets().stock(), now);
                relay.meter().chores(now);
            }
            Service::Tracker(tracker) => tracker.chores(),
            Service::Identity(host) => host.chores(),
            Service::Admin(_) => {}
        }
    }

    async fn answer(&self, request: Request<Arrival<Incoming>>, peer: Peer) -> Response<Answer> {
        match self {
            Service::Relay(relay) => relay.answer(request, peer).await,
            Service::Tracker(tracker) => tracker.answer(request, peer).await,
            Service::Identity(host) => host.answer(request, peer).await,
            Service::Admin(admin) => admin.respond(request.method(), request.uri().path()),
        }
    }

    /// Whether a connection from `address` must begin with a PROXY header.
    fn begins_with_header(&self, address: IpAddr) -> bool {
        match self {
            Service::Relay(relay) => relay.callers().begins_with_header(address),
            Service::Tracker(tracker) => tracker.callers().begins_with_header(address),
            Service::Identity(host) => host.callers().begins_with_header(address),
            Service::Admin(_) => false,
        }
    }

    /// The hour that it is for a relay. A connection ends with the first answer after the hour in
    /// which it began, since its buffers keep what came over it, and buckets end with hours.
    fn hour(&self) -> Option<u64> {
        match self {
            Service::Relay(relay) => Some(relay.buckets().keeper().now().unix() / HOUR),
            Service::Tracker(_) | Service::Identity(_) | Service::Admin(_) => None,
        }
    }

    /// The counters of connections; what is for the operator counts for nothing.
    fn traffic(&self) -> Arc<Traffic> {
        match self {
            Service::Relay(relay) => relay.metrics().traffic.clone(),
            Service::Tracker(tracker) => tracker.traffic().clone(),
            Service::Identity(host) => host.traffic().clone(),
            Service::Admin(_) => Arc::default(),
        }
    }
}

/// Serves one connection until its end, or until it has to give way.
async fn counted(
    from: (TcpStream, IpAddr),
    tls: Option<TlsAcceptor>,
    service: Service,
    stop: Stop,
    place: Place,
) {
    let traffic = service.traffic();
    traffic.accepted.up();
    traffic.connections.up();
    let place = Arc::new(place);
    let whole = tokio::select! {
        whole = connection(from, tls, service, stop, place.clone()) => whole,
        _ = place.pulse().leave() => false,
    };
    if !whole {
        traffic.broken.up();
    }
    traffic.connections.down();
}

/// Whether it ended as it should.
async fn connection(
    (stream, address): (TcpStream, IpAddr),
    tls: Option<TlsAcceptor>,
    service: Service,
    mut stop: Stop,
    place: Arc<Place>,
) -> bool {
    // Without this every small answer waits for a delayed acknowledgement, some 40 ms.
    let nodelay = stream.set_nodelay(true);
    let mut stream = Paced::new(stream, service.traffic(), place.pulse().clone());
    let peer = if service.begins_with_header(address) {
        match timeout(HANDSHAKE, preface::read(&mut stream)).await {
            Ok(Ok(client)) => Some(Peer::Told(client)),
            Ok(Err(_)) | Err(_) => None,
        }
    } else {
        Some(Peer::At(address))
    };
    match (peer.filter(|_| nodelay.is_ok()), tls) {
        (None, _) => false,
        (Some(peer), None) => plain(stream, service, peer, stop, place).await,
        (Some(peer), Some(tls)) => match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let began = service.hour();
                requests(stream, &service, peer, &mut stop, &place, began, None).await.is_ok()
            }
            Ok(Err(_)) | Err(_) => false,
        },
    }
}

/// Answers the requests of one connection without TLS; whether it ended as it should.
async fn plain(
    mut stream: Paced<TcpStream>,
    service: Service,
    peer: Peer,
    mut stop: Stop,
    place: Arc<Place>,
) -> bool {
    let began = service.hour();
    loop {
        let seat = stream.seat().clone();
        let end = requests(stream, &service, peer, &mut stop, &place, began, Some(&seat)).await;
        let (next, ahead, cells) = match end {
            Ok(Some(handed)) => handed,
            end => return end.is_ok(),
        };
        stream = next;
        stream.give_back(ahead);
        if direct::send(&mut stream, &cells).await.is_err() {
            return false;
        }
        if *stop.stop.borrow() {
            return true;
        }
    }
}

/// Answers the requests of one connection, which began in the hour `began`, until its end or until
/// cells are to be sent that wait `apart`.
async fn requests<S>(
    stream: S,
    service: &Service,
    peer: Peer,
    stop: &mut Stop,
    place: &Arc<Place>,
    began: Option<u64>,
    apart: Option<&Arc<Seat>>,
) -> hyper::Result<Option<Handed<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answers = service_fn(move |request: Request<Incoming>| {
        let (service, place) = (service.clone(), place.clone());
        let apart = apart.filter(|_| direct::allows(&request)).cloned();
        async move {
            let request = request.map(|body| Arrival::new(body, place.pulse().clone()));
            let mut response = service.answer(request, peer).await;
            place.pulse().works(false);
            place.pulse().beat();
            if place.is_over() || service.hour() != began {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            } else if let Some(seat) = apart {
                response = response.map(|answer| answer.apart(&seat));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), answers);
    direct::drive(connection, apart.map(|seat| &**seat), &mut stop.stop).await
}
