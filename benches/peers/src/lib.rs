//! Both sides of each comparison, as functions: what a bench measures, a test here shows to be the same work.

pub mod negotiate;
pub mod ntlm;
pub mod sspi_context;
