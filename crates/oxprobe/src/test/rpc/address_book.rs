//! The address book over RPC: NSPI at one port, RFR at another, each on a virtual connection of its own, as Outlook has it.

use oxwire::core::Guid;
use oxwire::http::Origin;
use oxwire::mapi::nspi::{AddressBookRequest, BindFlags, UNBIND_SUCCESS};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapirpc::Operation;
use oxwire::mapirpc::nspi::{BindRequest, BindResponse, NSPI, Request, UnbindRequest, UnbindResponse};
use oxwire::mapirpc::rfr::{
    GetFqdnFromServerDnRequest, GetFqdnFromServerDnResponse, GetNewDsaRequest, GetNewDsaResponse, RFR,
};
use oxwire::rpc::ndr::{ContextHandle, NdrEncode};
use oxwire::rpc::pdu::SyntaxIdentifier;
use oxwire::rpch::http::RpcTarget;

use super::super::address_book::{AddressBook, Answer, beginning, lacks, needed, refused};
use super::super::{Outcome, Plan};
use super::security::RpcAuth;
use super::session::RpcSession;
use super::{authentication, calls, channels, echo, open};
use crate::report::{Facts, Failure};

/// The endpoints of [MS-OXNSPI] 2.1 and [MS-OXABREF] 2.1.
const NSPI_PORT: u16 = 6004;
const RFR_PORT: u16 = 6002;

/// How the RPC servers behind the proxy are reached.
pub(super) struct Reached<'a> {
    pub(super) plan: &'a Plan,
    pub(super) origin: &'a Origin,
    pub(super) url: &'a str,
    pub(super) server: &'a RpcTarget,
    pub(super) level: RpcAuth,
}

impl Reached<'_> {
    /// A virtual connection to another port of the server, and the bind to an interface.
    async fn connect(&self, port: u16, interface: SyntaxIdentifier) -> Outcome<(RpcSession, Facts)> {
        let server = RpcTarget { port, ..self.server.clone() };
        let mut session = open(self.plan, self.origin, self.url, &server)?;
        let (route, _) = authentication(&mut session).await?;
        echo(&mut session, route).await?;
        channels(&mut session).await?;
        calls::bind(&mut session, self.plan, self.level, &[interface]).await?;
        Ok((session, Facts::new().with("RPC server", server.to_string())))
    }

    /// The virtual connection, the bind to NSPI, NspiBind.
    ///
    /// # Errors
    /// What came instead.
    pub(super) async fn bind(&self) -> Outcome<(Nspi, Facts)> {
        let (mut session, facts) = self.connect(NSPI_PORT, NSPI).await?;
        let request = BindRequest { flags: BindFlags::NONE, stat: beginning(), server_guid: Some(Guid::NIL) };
        let stub = session.call(&request).await?;
        let bound: BindResponse = stub.read()?;
        if bound.error_code.is_failure() {
            return Err(refused("NspiBind", bound.error_code));
        }
        let guid = bound.server_guid.map(|guid| guid.to_string());
        Ok((Nspi { session, handle: bound.handle }, facts.with_some("server GUID", guid)))
    }

    /// The virtual connection, the bind to RFR, RfrGetNewDSA.
    ///
    /// # Errors
    /// What came instead.
    pub(super) async fn referral(&self, dn: &str) -> Outcome<(RpcSession, Facts)> {
        let (mut session, facts) = self.connect(RFR_PORT, RFR).await?;
        let stub = session.call(&GetNewDsaRequest { user_dn: dn.as_bytes(), server_wanted: true }).await?;
        let answer: GetNewDsaResponse<'_> = stub.read()?;
        let facts = facts.with("address book server", name("RfrGetNewDSA", answer.error_code, answer.server)?);
        Ok((session, facts))
    }
}

/// A session with the address book.
pub(super) struct Nspi {
    session: RpcSession,
    handle: ContextHandle,
}

impl AddressBook for Nspi {
    async fn call<B>(&mut self, body: B) -> Result<Answer, Failure>
    where
        B: AddressBookRequest,
        Request<B>: Operation + NdrEncode,
    {
        self.session.call(&Request { handle: self.handle, body }).await.map(Answer::Stub)
    }
}

/// NspiUnbind, and the end of the virtual connection.
///
/// # Errors
/// What came instead.
pub(super) async fn unbind(mut nspi: Nspi) -> Outcome<Facts> {
    let stub = nspi.session.call(&UnbindRequest { handle: nspi.handle }).await?;
    let ended: UnbindResponse = stub.read()?;
    // Some servers say 0.
    if ended.error_code != UNBIND_SUCCESS && ended.error_code != ErrorCode::SUCCESS {
        return Err(refused("NspiUnbind", ended.error_code));
    }
    nspi.session.close();
    Ok(Facts::new().with("context", "ended"))
}

/// RfrGetFQDNFromServerDN, and the end of the virtual connection.
///
/// # Errors
/// What came instead.
pub(super) async fn server_name(mut session: RpcSession, server_dn: Option<&str>) -> Outcome<Facts> {
    let server_dn = needed(server_dn)?.as_bytes();
    let stub = session.call(&GetFqdnFromServerDnRequest { server_dn }).await?;
    let answer: GetFqdnFromServerDnResponse<'_> = stub.read()?;
    let name = name("RfrGetFQDNFromServerDN", answer.error_code, answer.server_fqdn)?;
    session.close();
    Ok(Facts::new().with("mailbox server", name))
}

fn name(call: &str, error_code: u32, name: Option<&[u8]>) -> Outcome<String> {
    if error_code != 0 {
        return Err(refused(call, ErrorCode(error_code)));
    }
    let name = name.ok_or_else(|| lacks("the name of a server", "none"))?;
    Ok(String::from_utf8_lossy(name).into_owned())
}
