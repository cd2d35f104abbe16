# poste. `make` builds, `make demo` shows, `make test` checks everything, `make install` installs,
# `make deb` packs.
# `make soak` runs the long tests, for two hours or so; as root it also cuts the power of loop mounts.
# Only `make deps` and `make interop` reach for the network; all else works offline.

PREFIX = /usr/local
DESTDIR =
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
DOCDIR = $(PREFIX)/share/doc/poste
BASHCOMPDIR = $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR = $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR = $(PREFIX)/share/fish/vendor_completions.d
SYSTEMDUNITDIR = $(PREFIX)/lib/systemd/system
SYSTEMDUSERUNITDIR = $(PREFIX)/lib/systemd/user

CARGO = cargo
INSTALL = install
OUT = $(or $(CARGO_TARGET_DIR),target)
RELEASE = $(OUT)/release
OFFLINE = CARGO_NET_OFFLINE=true

# program:package, for what the tests and the demo run beside the two programs
TOOLS = aerc:aerc age:age mandoc:mandoc mlist:mblaze mutt:mutt neomutt:neomutt git:git \
	/usr/lib/git-core/git-send-email:git-email vim:vim faketime:faketime nginx:nginx-light \
	openssl:openssl ip:iproute2 notmuch:notmuch python3:python3 redis-server:redis-server \
	redis-cli:redis-tools strace:strace tmux:tmux tor:tor unshare:util-linux cc:build-essential \
	dpkg-shlibdeps:dpkg-dev script:bsdutils systemd-analyze:systemd zsh:zsh \
	fish:fish

# the same for `make soak` alone
SOAKTOOLS = xfs_io:xfsprogs mkfs.xfs:xfsprogs mkfs.ext4:e2fsprogs mkswap:util-linux swapon:mount

# and for `make interop` alone
INTEROPTOOLS = chromium:chromium npm:npm debootstrap:debootstrap emacs:emacs-nox

PAGES = $(wildcard man/*.[1-8])
SCRIPTS = $(wildcard tests/*.sh tests/*/*.sh benches/*.sh examples/*.sh examples/*/*.sh \
	examples/notmuch/hooks/*)
EXAMPLES = $(wildcard examples/*.toml examples/*.sh examples/*.conf examples/*.md examples/*.el \
	examples/muttrc examples/neomuttrc examples/vimrc examples/gitconfig examples/crontab \
	examples/torrc examples/aerc/* examples/notmuch/config examples/notmuch/hooks/*)
UNITS = $(wildcard examples/systemd/posted* examples/systemd/run-posted.mount)
USERUNITS = $(wildcard examples/systemd/poste-*)

# Where `make deb` puts its package together
DEB = $(abspath $(OUT))/deb
DEBDOC = /usr/share/doc/poste

.PHONY: all demo test soak deps bench interop install uninstall deb clean

all:
	$(CARGO) build --release --locked

demo: deps all
	sh examples/demo.sh

test: deps
	$(CARGO) fmt --check
	$(OFFLINE) $(CARGO) clippy --locked --all-targets -- -D warnings
	$(OFFLINE) $(CARGO) clippy --locked --no-default-features --lib --bin poste -- -D warnings
	mandoc -T lint -W warning $(PAGES)
	for script in $(SCRIPTS); do sh -n "$$script" || exit 1; done
	bash -n .ci/run
	if $(CARGO) nextest --version >/dev/null 2>&1; \
	then $(OFFLINE) $(CARGO) nextest run --locked --no-fail-fast; \
	else $(OFFLINE) $(CARGO) test --locked --all-targets --no-fail-fast; fi
	$(OFFLINE) $(CARGO) test --locked --doc

deps:
	@export PATH="$$PATH:/usr/sbin:/sbin"; missing=; \
	for tool in $(TOOLS); do \
		command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	[ -z "$$missing" ] || { \
		if ! command -v apt-get >/dev/null; then \
			echo "make deps: install these by your system's means:$$missing" >&2; exit 1; \
		elif [ "$$(id -u)" != 0 ]; then \
			echo "make deps: missing:$$missing" >&2; \
			echo "make deps: run as root: apt-get install$$missing" >&2; exit 1; \
		fi; \
		apt-get -qq update && \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $$missing; \
	}
	$(CARGO) fetch --locked
	@[ ! -f tests/corpora.sh ] || sh tests/corpora.sh target/corpora

soak: TOOLS += $(SOAKTOOLS)
soak: deps
	if $(CARGO) nextest --version >/dev/null 2>&1; \
	then $(OFFLINE) $(CARGO) nextest run --locked --no-fail-fast --run-ignored only \
		--success-output final; \
	else $(OFFLINE) $(CARGO) test --locked --no-fail-fast -- --ignored --nocapture; fi

bench: deps
	$(OFFLINE) $(CARGO) bench --locked --benches

interop: TOOLS += $(INTEROPTOOLS)
interop: deps deb
	sh tests/interop/run.sh
	$(CARGO) build --locked --bin poste --bin posted
	python3 tests/interop/page.py $(OUT)/debug/posted
	sh tests/interop/emacs.sh $(OUT)/debug/poste
	sh tests/interop/debian.sh $(DEB)/poste_*.deb

# Puts a file there as it is where the programs lie elsewhere, readable for all.
PLACED = umask 022; sed 's|/usr/local/bin|$(BINDIR)|g; s|/usr/local/share/doc/poste|$(DOCDIR)|g'

install:
	@test -x $(RELEASE)/poste && test -x $(RELEASE)/posted || \
		{ echo "make install: run make first" >&2; exit 1; }
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DOCDIR)/examples
	$(INSTALL) -m 755 $(RELEASE)/poste $(RELEASE)/posted $(DESTDIR)$(BINDIR)
	ln -sf poste $(DESTDIR)$(BINDIR)/poste-sendmail
	$(INSTALL) -d $(sort $(foreach page,$(PAGES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))))
	for page in $(PAGES); do \
		$(PLACED) $$page >$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; \
	done
	$(INSTALL) -d $(DESTDIR)$(BASHCOMPDIR) $(DESTDIR)$(ZSHCOMPDIR) $(DESTDIR)$(FISHCOMPDIR)
	umask 022; $(RELEASE)/poste completions bash >$(DESTDIR)$(BASHCOMPDIR)/poste
	umask 022; $(RELEASE)/poste completions zsh >$(DESTDIR)$(ZSHCOMPDIR)/_poste
	umask 022; $(RELEASE)/poste completions fish >$(DESTDIR)$(FISHCOMPDIR)/poste.fish
	$(INSTALL) -d $(addprefix $(DESTDIR)$(DOCDIR)/,$(sort $(dir $(EXAMPLES))))
	for example in $(EXAMPLES); do \
		$(PLACED) $$example >$(DESTDIR)$(DOCDIR)/$$example || exit 1; \
	done
	$(INSTALL) -m 644 README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE $(DESTDIR)$(DOCDIR)
	$(INSTALL) -d $(DESTDIR)$(SYSTEMDUNITDIR) $(DESTDIR)$(SYSTEMDUSERUNITDIR)
	for unit in $(UNITS); do \
		$(PLACED) $$unit >$(DESTDIR)$(SYSTEMDUNITDIR)/$${unit##*/} || exit 1; done
	for unit in $(USERUNITS); do \
		$(PLACED) $$unit >$(DESTDIR)$(SYSTEMDUSERUNITDIR)/$${unit##*/} || exit 1; done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,poste posted poste-sendmail)
	for page in $(PAGES); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; \
	done
	rm -f $(DESTDIR)$(BASHCOMPDIR)/poste $(DESTDIR)$(ZSHCOMPDIR)/_poste
	rm -f $(DESTDIR)$(FISHCOMPDIR)/poste.fish
	rm -f $(addprefix $(DESTDIR)$(SYSTEMDUNITDIR)/,$(notdir $(UNITS)))
	rm -f $(addprefix $(DESTDIR)$(SYSTEMDUSERUNITDIR)/,$(notdir $(USERUNITS)))
	rm -rf $(DESTDIR)$(DOCDIR)

# A Debian package in $(OUT)/deb, from what `make install` puts under /usr. There zsh looks for
# functions of packages in a directory of Debian's own.
deb: all
	rm -rf $(DEB)
	$(MAKE) install PREFIX=/usr ZSHCOMPDIR=/usr/share/zsh/vendor-completions DESTDIR=$(DEB)/root
	find $(DEB)/root/usr/share/man -type f -exec gzip -9n {} +
	umask 022; gzip -9nc debian/changelog >$(DEB)/root$(DEBDOC)/changelog.Debian.gz
	gzip -9n $(DEB)/root$(DEBDOC)/CHANGELOG.md
	$(INSTALL) -m 644 debian/copyright $(DEB)/root$(DEBDOC)/copyright
	$(INSTALL) -d $(DEB)/root/DEBIAN
	dpkg-shlibdeps -T$(DEB)/substvars $(DEB)/root/usr/bin/poste $(DEB)/root/usr/bin/posted
	dpkg-gencontrol -pposte -P$(DEB)/root -T$(DEB)/substvars -f$(DEB)/files
	cd $(DEB)/root && find usr -type f -exec md5sum {} + >DEBIAN/md5sums
	dpkg-deb --root-owner-group --build $(DEB)/root $(DEB)

clean:
	$(CARGO) clean
