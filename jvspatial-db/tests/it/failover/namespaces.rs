//! A network of its own for each member of a set, with a router between them that drops what it is told to.

use std::ffi::OsString;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The namespaces, which are removed when this is dropped. Clients run in that of the router.
pub(super) struct Namespaces {
    name: String,
    members: usize,
    /// What is dropped between which members, as the words of a rule.
    cuts: Mutex<Vec<Vec<String>>>,
}

impl Namespaces {
    /// Makes them.
    ///
    /// # Errors
    /// What it takes, when this machine or this user cannot.
    pub(super) fn make(members: usize) -> Result<Self, &'static str> {
        if !rustix::process::geteuid().is_root() {
            return Err("needs root");
        }
        if !ip(&["-V"]) {
            return Err("needs ip of iproute2");
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("jv{}x{count}", std::process::id());
        let made = Self { name, members, cuts: Mutex::default() };
        if !ip(&["netns", "add", &made.router()]) {
            return Err("needs network namespaces");
        }
        for n in 0..members {
            made.add(n);
        }
        assert!(ip(&["-n", &made.router(), "link", "set", "lo", "up"]), "no loopback");
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        assert!(ip(&["netns", "exec", &made.router(), "sh", "-c", forward]), "no router");
        Ok(made)
    }

    fn router(&self) -> String {
        format!("{}r", self.name)
    }

    fn member(&self, n: usize) -> String {
        format!("{}m{n}", self.name)
    }

    fn add(&self, n: usize) {
        let (router, member, wire) = (self.router(), self.member(n), format!("wire{n}"));
        let (own, gate) = (self.address(n), format!("10.99.{n}.1"));
        let steps: [&[&str]; 8] = [
            &["netns", "add", &member],
            &[
                "link", "add", &wire, "netns", &router, "type", "veth", "peer", "name", "eth0",
                "netns", &member,
            ],
            &["-n", &router, "addr", "add", &format!("{gate}/24"), "dev", &wire],
            &["-n", &router, "link", "set", &wire, "up"],
            &["-n", &member, "addr", "add", &format!("{own}/24"), "dev", "eth0"],
            &["-n", &member, "link", "set", "eth0", "up"],
            &["-n", &member, "link", "set", "lo", "up"],
            &["-n", &member, "route", "add", "default", "via", &gate],
        ];
        for step in steps {
            assert!(ip(step), "ip {}", step.join(" "));
        }
    }

    /// The address of a member.
    pub(super) fn address(&self, n: usize) -> String {
        format!("10.99.{n}.2")
    }

    /// What begins a command that is to run in the network of a member.
    pub(super) fn prefix(&self, n: usize) -> Vec<OsString> {
        ["ip", "netns", "exec", &self.member(n)].map(OsString::from).to_vec()
    }

    /// Drops whatever two members send to one another.
    pub(super) fn cut(&self, one: usize, other: usize) {
        for (from, to) in [(one, other), (other, one)] {
            let rule = ["from", &self.address(from), "to", &self.address(to), "blackhole"];
            assert!(self.rule("add", &rule.map(str::to_owned)), "no rule");
            self.cuts.lock().unwrap().push(rule.map(str::to_owned).to_vec());
        }
    }

    /// Ends all cuts.
    pub(super) fn heal(&self) {
        for rule in self.cuts.lock().unwrap().drain(..) {
            assert!(self.rule("del", &rule), "no rule");
        }
    }

    fn rule(&self, what: &str, rule: &[String]) -> bool {
        let router = self.router();
        let mut words = vec!["-n", &router, "rule", what];
        words.extend(rule.iter().map(String::as_str));
        ip(&words)
    }

    /// Moves this thread, and those that it starts from now on, to the network of the router.
    pub(super) fn enter(&self) {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.router())).unwrap();
        let kind = LinkNameSpaceType::Network;
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(kind)).unwrap();
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for n in 0..self.members {
            ip(&["netns", "del", &self.member(n)]);
        }
        ip(&["netns", "del", &self.router()]);
    }
}

/// Whether `ip` did what it was asked for.
fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).output().is_ok_and(|told| told.status.success())
}
