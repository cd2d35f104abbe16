//! nginx as the peer: files of a directory as they are, and PUT into it, over plain HTTP and over
//! TLS 1.3 with a certificate made for the run, which the node shows too. As many workers as cores.
//! Measures nothing itself.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// nginx, ended when dropped.
pub struct Nginx {
    child: Child,
    /// Plain HTTP.
    pub address: SocketAddr,
    /// HTTPS.
    pub tls: SocketAddr,
}

impl Nginx {
    /// Serves `www` below `dir`, and takes PUT below `/put/`, by `cert.pem` and `key.pem` in `dir`.
    pub fn start(dir: &Path) -> Nginx {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (address, tls, at) = (free(), free(), dir.display());
        let config = format!(
            "daemon off; worker_processes auto; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; sendfile on; tcp_nodelay on; keepalive_requests 100000;\n\
             client_max_body_size 2m; client_body_temp_path {at}/body;\n\
             proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u;\n\
             scgi_temp_path {at}/s; ssl_protocols TLSv1.3; ssl_certificate {at}/cert.pem;\n\
             ssl_certificate_key {at}/key.pem;\n\
             server {{ listen {address}; listen {tls} ssl; root {at}/www;\n\
             location /put/ {{ dav_methods PUT; }} }} }}\n"
        );
        // Its workers are nobody's, and are to reach the files.
        open(dir, 0o755);
        fs::create_dir_all(dir.join("www/put")).unwrap();
        open(&dir.join("www/put"), 0o777);
        let file = dir.join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-e").arg(dir.join("error.log")).arg("-p").arg(dir).arg("-c").arg(file);
        let child = command.spawn().expect("nginx is installed (make deps)");
        let nginx = Nginx { child, address, tls };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }
}

fn open(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers would outlive a kill. It may have ended already.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
