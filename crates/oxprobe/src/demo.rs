//! `serve`, `discover` and `test` against each other, in one process.

use std::io::Write;
use std::time::Duration;

use oxwire::auth::ntlm::ExtendedProtection;
use oxwire::core::SecretString;
use tokio::net::TcpListener;

use crate::args::{AuthChoice, Schemes, Search, Wanted};
use crate::discover::{self, Quest};
use crate::log::Log;
use crate::net::dial::{ConnectTo, Dialer};
use crate::report::Report;
use crate::serve::{self, Mail, Service};
use crate::test::{self, Plan, RpcAuth};
use crate::tls::{ClientTls, Identity};

const ADDRESS: &str = "ada@oxwire.test";

/// How long the event may take that the delivered message causes.
const LISTEN: Duration = Duration::from_secs(10);

/// Runs all steps against a server of its own; `false` when one failed.
///
/// # Errors
/// What keeps the two from starting.
pub(crate) async fn run(json: bool) -> Result<bool, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| format!("no loopback port: {error}"))?;
    let address = listener.local_addr().map_err(|error| told(&error))?;
    let password = password();
    let users = [(ADDRESS.to_owned(), password.clone())];
    let authority = address.to_string();
    let names = serve::names(&users, &authority, address.ip());
    let identity = Identity::self_signed(&names).map_err(|error| told(&error))?;
    let trusted = identity.leaf().cloned().ok_or("the certificate is empty")?;
    let mail = Mail {
        sender_name: "Bert Example".to_owned(),
        sender_address: "bert@oxwire.test".to_owned(),
        subject: "Delivered while you waited".to_owned(),
        body: "This message came in the middle of NotificationWait.".to_owned(),
    };
    let service = Service {
        users: serve::users(&users),
        schemes: Schemes::DEFAULT,
        epa: ExtendedProtection::Require,
        tls_ends_at: None,
        kerberos: None,
        authority,
        identity: Some(identity),
        // The least there is, so that channels are recycled while one looks.
        channel_lifetime: Some(0x2_0000),
        compress: true,
        rpc_port: None,
        mail_on_wait: Some(mail),
        log: Log::Quiet,
    };
    let server = tokio::spawn(serve::serve(listener, service).map_err(|error| told(&error))?);
    // The domain exists nowhere: its hosts are this server.
    let here = ConnectTo {
        name: None,
        port: Some(443),
        to_host: Some(address.ip().to_string()),
        to_port: Some(address.port()),
    };
    let tls = Some(ClientTls::trusting(vec![trusted]).map_err(|error| told(&error))?);
    let quest = Quest {
        address: ADDRESS.to_owned(),
        password: password.clone(),
        auth: AuthChoice::Ntlm,
        kerberos: None,
        dialer: Dialer { tls, proxy: None, connect_to: vec![here] },
        binding: true,
        search: Search::default(),
    };
    let mut report = Report::new(std::io::stdout().lock(), json);
    let run = session(&quest, &mut report).await;
    server.abort();
    run.map_err(|error| format!("standard output: {error}"))?;
    Ok(!report.failed())
}

/// Finds the mailbox and goes through a session with it, by either transport.
async fn session<W: Write>(quest: &Quest, report: &mut Report<W>) -> std::io::Result<()> {
    let wanted = Wanted { mapi_http: true, rpc_http: false, rpc_auth: RpcAuth::DEFAULT };
    let Some((endpoint, user_dn)) = discover::endpoint_of(quest, wanted, report).await? else { return Ok(()) };
    let mut plan = Plan {
        address: ADDRESS.to_owned(),
        endpoint,
        user_dn,
        auth: quest.auth,
        kerberos: None,
        password: quest.password.clone(),
        dialer: quest.dialer.clone(),
        verified: true,
        binding: true,
        compress: true,
        listen: LISTEN,
        message_expected: true,
    };
    test::run(&plan, report).await?;
    if report.failed() {
        return Ok(());
    }
    // What a client is told that does not speak MAPI over HTTP.
    let wanted = Wanted { mapi_http: false, rpc_http: true, ..wanted };
    let Some(found) = discover::endpoint_of(quest, wanted, report).await? else { return Ok(()) };
    (plan.endpoint, plan.user_dn) = found;
    test::run(&plan, report).await
}

/// A password that only this process knows: the server listens where every user of this machine can reach it.
fn password() -> SecretString {
    let mut bytes = [0; 16];
    crate::entropy::fill(&mut bytes);
    SecretString::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
