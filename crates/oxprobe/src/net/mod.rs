//! Sockets: opening them, moving bytes, and the one driver that runs every machine.

pub(crate) mod dial;
pub(crate) mod driver;
pub(crate) mod socket;
pub(crate) mod srv;
