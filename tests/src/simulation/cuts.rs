//! The states that a connection is cut in, for each role: [MS-RPCH] 3.2.2 to 3.2.5, figures 22 to 29.

use std::fmt;

/// Which role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The client.
    Client,
    /// The inbound proxy.
    InboundProxy,
    /// The outbound proxy.
    OutboundProxy,
    /// The server, apart from its proxies.
    Server,
    /// Both proxies and the server in one.
    Endpoint,
}

/// Which virtual channel a state is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Of {
    /// Of both, or of the only one.
    Both,
    /// Of the virtual IN channel.
    In,
    /// Of the virtual OUT channel.
    Out,
}

/// A state of a role, in the words of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// The role.
    pub role: Role,
    /// The virtual channel.
    pub of: Of,
    /// The state's name.
    pub name: &'static str,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            Of::Both => "",
            Of::In => "IN channel, ",
            Of::Out => "OUT channel, ",
        };
        write!(f, "{:?}: {of}{}", self.role, self.name)
    }
}

const fn state(role: Role, of: Of, name: &'static str) -> State {
    State { role, of, name }
}

/// Every state in which a role has a connection that can be cut.
pub const STATES: [State; 45] = {
    use Of::{Both, In, Out};
    use Role::{Client, Endpoint, InboundProxy, OutboundProxy, Server};
    [
        state(Client, Both, "Wait"),
        state(Client, Both, "Wait_Direct"),
        state(Client, Both, "Out Channel Wait"),
        state(Client, Both, "Wait_A3W"),
        state(Client, Both, "Wait_C2"),
        state(Client, In, "opened"),
        state(Client, In, "Opened_A4W"),
        state(Client, Out, "opened"),
        state(Client, Out, "Opened_A6W"),
        state(Client, Out, "Opened_A10W"),
        state(Client, Out, "B3W"),
        state(InboundProxy, Both, "Open_Start"),
        state(InboundProxy, Both, "B3W"),
        state(InboundProxy, Both, "Wait_B2"),
        state(InboundProxy, Both, "opened"),
        state(InboundProxy, Both, "Opened_A5W"),
        state(InboundProxy, Both, "opened, after IN_R1/A5"),
        state(OutboundProxy, Both, "Open_Start"),
        state(OutboundProxy, Both, "C1W"),
        state(OutboundProxy, Both, "A11W"),
        state(OutboundProxy, Both, "opened"),
        state(OutboundProxy, Both, "B1OrC1W"),
        state(OutboundProxy, Both, "B1W"),
        state(OutboundProxy, Both, "R2C1W"),
        state(OutboundProxy, Both, "opened, after OUT_R1/A9"),
        state(Server, Both, "Open_Start"),
        state(Server, Both, "A2W"),
        state(Server, Both, "B2W"),
        state(Server, In, "opened"),
        state(Server, In, "A6W"),
        state(Server, In, "Opened_B1W"),
        state(Server, Out, "opened"),
        state(Server, Out, "Opened_A4W"),
        state(Server, Out, "Opened_A8W"),
        state(Server, Out, "Opened_R2A8W"),
        state(Endpoint, Both, "Open_Start"),
        state(Endpoint, Both, "A2W"),
        state(Endpoint, Both, "B2W"),
        state(Endpoint, In, "opened"),
        state(Endpoint, In, "Opened_A5W"),
        state(Endpoint, Out, "opened"),
        state(Endpoint, Out, "Opened_A4W"),
        state(Endpoint, Out, "B1OrC1W"),
        state(Endpoint, Out, "B1W"),
        state(Endpoint, Out, "R2C1W"),
    ]
};

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// Both ends see it, what is on the way is lost.
    Reset,
    /// Both ends see it, what is on the way arrives.
    Close,
    /// Nobody sees it: nothing arrives any more.
    Silence,
}

impl How {
    /// In their order.
    pub(super) const NAMES: [&'static str; 3] = ["reset", "closed", "silent"];
}
