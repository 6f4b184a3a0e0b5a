//! Both ends of an association without security, PDU by PDU.

mod calls;
mod contexts;
mod ends;
mod pair;
mod violations;
