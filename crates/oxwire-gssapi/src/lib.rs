#![doc = include_str!("../README.md")]

mod acceptor;
mod initiator;
mod session;

pub use acceptor::Acceptor;
pub use initiator::Initiator;
