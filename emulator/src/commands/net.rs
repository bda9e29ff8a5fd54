//! `qapi/net.json`.

use std::sync::Arc;
use std::time::Duration;

use qapi_runtime::QmpError;

use crate::backends::net::user::{Addresses, Entrance, Forward, Network};
use crate::backends::net::{
    NetConfig, NetError, NetEvent, Netdev, SocketConfig, StreamAddress, TapConfig, UserConfig,
};
use crate::backends::recipes::BackendKind;
use crate::door::Door;
use crate::qapi::{
    self, InetSocketAddress, NetAddress, NetCommands, NetForwardInfo, NetdevDel, NetdevInfo,
    NetdevSocketOptions, NetdevStreamConnected, NetdevStreamDisconnected, NetdevStreamOptions,
    NetdevTapOptions, NetdevType, NetdevUserOptions, SetLink, UnixSocketAddress, XHostfwdAdd,
    XHostfwdRemove,
};

fn failed(error: NetError) -> QmpError {
    QmpError::generic(error.to_string())
}

fn refuse(text: impl Into<String>) -> QmpError {
    QmpError::generic(text)
}

/// What a back end is made from.
fn config(kind: NetdevType) -> Result<NetConfig, QmpError> {
    match kind {
        NetdevType::User(options) => user(options).map(NetConfig::User),
        NetdevType::Socket(options) => socket(options).map(NetConfig::Socket),
        NetdevType::Stream(options) => stream(options).map(NetConfig::Socket),
        NetdevType::Tap(options) => tap(options).map(NetConfig::Tap),
    }
}

fn user(options: NetdevUserOptions) -> Result<UserConfig, QmpError> {
    if options.ipv4 == Some(false) || options.ipv6 == Some(true) {
        return Err(refuse("The user network is one of IPv4: leave 'ipv4' and 'ipv6' out"));
    }
    let NetdevUserOptions { net, host, dhcpstart: dhcp, dns, .. } = options;
    let config = UserConfig::with(&Addresses { net, host, dhcp, dns }).map_err(failed)?;
    let texts = |list: Option<Vec<qapi::String_>>| {
        list.into_iter().flatten().map(|text| text.str).collect::<Vec<_>>()
    };
    let forwards: Result<_, NetError> =
        texts(options.hostfwd).iter().map(|rule| Forward::parse(rule)).collect();
    // Of what a DHCP option can hold.
    let names = [&options.hostname, &options.domainname];
    if names.into_iter().flatten().any(|name| name.len() > 255) {
        return Err(refuse("A name for guests has at most 255 characters"));
    }
    Ok(UserConfig {
        restrict: options.restrict.unwrap_or(false),
        hostname: options.hostname,
        domain: options.domainname,
        search: texts(options.dnssearch),
        forwards: forwards.map_err(failed)?,
        ..config
    })
}

fn socket(options: NetdevSocketOptions) -> Result<SocketConfig, QmpError> {
    let (address, server) = match (options.listen, options.connect) {
        (Some(address), None) => (address, true),
        (None, Some(address)) => (address, false),
        _ => return Err(refuse("exactly one of listen= or connect= is required")),
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(|| {
        refuse(format!("host address '{address}' doesn't contain ':' separating host from port"))
    })?;
    let address = StreamAddress::Tcp(host_or(host, server), port_of(port)?);
    Ok(SocketConfig { address, server, reconnect: None, kind: "socket" })
}

fn stream(options: NetdevStreamOptions) -> Result<SocketConfig, QmpError> {
    let server = options.server.unwrap_or(false);
    let address = match options.addr {
        NetAddress::Inet(InetSocketAddress { host, port }) => {
            StreamAddress::Tcp(host_or(&host, server), port_of(&port)?)
        }
        NetAddress::Unix(UnixSocketAddress { path }) => StreamAddress::Unix(path.into()),
    };
    let pause = options.reconnect_ms.unwrap_or(0);
    let pause = u64::try_from(pause).map_err(|_| refuse("'reconnect-ms' is negative"))?;
    if server && pause > 0 {
        return Err(refuse("'reconnect-ms' option is incompatible with socket in server mode"));
    }
    let reconnect = (pause > 0).then(|| Duration::from_millis(pause));
    Ok(SocketConfig { address, server, reconnect, kind: "stream" })
}

/// A host that is left out: any address for a server, this host for a client.
fn host_or(host: &str, server: bool) -> String {
    match (host, server) {
        ("", true) => "0.0.0.0".into(),
        ("", false) => "127.0.0.1".into(),
        (host, _) => host.into(),
    }
}

fn port_of(text: &str) -> Result<u16, QmpError> {
    text.parse().map_err(|_| refuse(format!("port number '{text}' is invalid")))
}

fn tap(options: NetdevTapOptions) -> Result<TapConfig, QmpError> {
    let runs = |script: &Option<String>| script.as_deref().is_some_and(|script| script != "no");
    if runs(&options.script) || runs(&options.downscript) {
        return Err(refuse(
            "No script is run for a tap: set the interface up before, and say \
             script=no,downscript=no",
        ));
    }
    if options.vhost == Some(true) {
        return Err(refuse("There is no vhost: leave 'vhost' out"));
    }
    Ok(TapConfig { ifname: options.ifname })
}

/// An address as events have it.
fn told(address: StreamAddress) -> NetAddress {
    match address {
        StreamAddress::Tcp(host, port) => {
            NetAddress::Inet(InetSocketAddress { host, port: port.to_string() })
        }
        StreamAddress::Unix(path) => {
            NetAddress::Unix(UnixSocketAddress { path: path.to_string_lossy().into_owned() })
        }
    }
}

impl Door {
    fn netdev(&self, id: &str) -> Result<Arc<Netdev>, QmpError> {
        self.host.netdevs.get(id).ok_or_else(|| {
            let all = self.host.netdevs.all();
            QmpError::device_not_found(format!("Device '{id}' not found"))
                .with_nearest(id, all.iter().map(|netdev| netdev.id()))
        })
    }

    /// The user network of an id, or the only one.
    fn user_network(&self, id: Option<&str>) -> Result<Arc<Netdev>, QmpError> {
        if let Some(id) = id {
            let netdev = self.host.netdevs.get(id);
            let netdev = netdev.ok_or_else(|| refuse(format!("unrecognized netdev id '{id}'")))?;
            return match netdev.user() {
                Some(_) => Ok(netdev),
                None => Err(refuse(format!("netdev '{id}' is no user network"))),
            };
        }
        let mut users = self.host.netdevs.all().into_iter().filter(|one| one.user().is_some());
        match (users.next(), users.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(refuse("user mode network stack not in use")),
            (Some(_), Some(_)) => Err(refuse("there are several user networks: name one")),
        }
    }
}

fn network(netdev: &Netdev) -> Result<&Arc<Network>, QmpError> {
    netdev.user().ok_or_else(|| refuse("user mode network stack not in use"))
}

fn describe(netdev: &Arc<Netdev>) -> NetdevInfo {
    let card = netdev.card();
    let forwards = netdev.user().map(|network| {
        let tell = |(rule, host): (Forward, std::net::SocketAddr)| NetForwardInfo {
            protocol: rule.entrance.protocol.to_string(),
            host: host.to_string(),
            guest: network.destination(&rule).to_string(),
        };
        network.forwards().into_iter().map(tell).collect()
    });
    NetdevInfo {
        id: netdev.id().into(),
        info: netdev.facts(),
        link: netdev.link(),
        device: card.as_ref().map(|card| card.name.clone()),
        device_info: card.map(|card| card.to_string()),
        forwards: forwards.unwrap_or_default(),
    }
}

impl NetCommands for Door {
    fn netdev_add(&mut self, arguments: qapi::Netdev) -> Result<(), QmpError> {
        let qapi::Netdev { id, type_ } = arguments.clone();
        if self.host.netdevs.get(&id).is_some() {
            return Err(refuse(format!("Duplicate ID '{id}' for netdev")));
        }
        crate::board::check_id(&id)?;
        let config = config(type_)?;
        let (teller, netdev_id) = (self.teller(), id.clone());
        let listener = move |event| match event {
            NetEvent::Connected(addr) => {
                let netdev_id = netdev_id.clone();
                teller.emit(&NetdevStreamConnected { netdev_id, addr: told(addr) });
            }
            NetEvent::Disconnected => {
                teller.emit(&NetdevStreamDisconnected { netdev_id: netdev_id.clone() });
            }
        };
        let netdev = self.host.open_netdev(&id, config, listener).map_err(failed)?;
        self.host.netdevs.add(netdev);
        self.host.recipes.learn(BackendKind::Netdev, [&id], "netdev_add", &arguments);
        Ok(())
    }

    fn netdev_del(&mut self, arguments: NetdevDel) -> Result<(), QmpError> {
        self.netdev(&arguments.id)?.close();
        self.host.netdevs.remove(&arguments.id);
        self.host.recipes.forget(BackendKind::Netdev, &arguments.id);
        Ok(())
    }

    fn set_link(&mut self, arguments: SetLink) -> Result<(), QmpError> {
        let SetLink { name, up } = arguments;
        let all = self.host.netdevs.all();
        let of_card = |netdev: &&Arc<Netdev>| netdev.card().is_some_and(|card| card.name == name);
        match all.iter().find(of_card) {
            Some(netdev) => netdev.set_link(up),
            None => self.netdev(&name)?.set_link(up),
        }
        Ok(())
    }

    fn x_query_netdev(&mut self) -> Result<Vec<NetdevInfo>, QmpError> {
        Ok(self.host.netdevs.all().iter().map(describe).collect())
    }

    fn x_hostfwd_add(&mut self, arguments: XHostfwdAdd) -> Result<(), QmpError> {
        let netdev = self.user_network(arguments.netdev.as_deref())?;
        let rule = &arguments.rule;
        network(&netdev)?.forward(Forward::parse(rule).map_err(failed)?).map_err(failed)
    }

    fn x_hostfwd_remove(&mut self, arguments: XHostfwdRemove) -> Result<(), QmpError> {
        let netdev = self.user_network(arguments.netdev.as_deref())?;
        let rule = &arguments.rule;
        let entrance = Entrance::parse(rule).map_err(|problem| {
            refuse(format!("Invalid host forwarding rule '{rule}' ({problem})"))
        })?;
        match network(&netdev)?.unforward(&entrance) {
            true => Ok(()),
            false => Err(refuse(format!("host forwarding rule for {rule} not found"))),
        }
    }
}
