//! `serve` and `test` against each other, in one process.

use std::time::Duration;

use oxwire::core::SecretString;
use tokio::net::TcpListener;

use crate::args::{AuthChoice, Schemes};
use crate::log::Log;
use crate::net::dial::Dialer;
use crate::report::Report;
use crate::serve::{self, Mail, Service};
use crate::test::{self, Plan};
use crate::tls::{ClientTls, Identity, names_for};

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
    let identity = Identity::self_signed(&names_for(address.ip())).map_err(|error| told(&error))?;
    let trusted = identity.leaf().cloned().ok_or("the certificate is empty")?;
    let password = password();
    let mail = Mail {
        sender_name: "Bert Example".to_owned(),
        sender_address: "bert@oxwire.test".to_owned(),
        subject: "Delivered while you waited".to_owned(),
        body: "This message came in the middle of NotificationWait.".to_owned(),
    };
    let service = Service {
        users: serve::users(&[(ADDRESS.to_owned(), password.clone())]),
        schemes: Schemes { basic: true, ntlm: true },
        authority: address.to_string(),
        identity: Some(identity),
        mail_on_wait: Some(mail),
        log: Log::Quiet,
    };
    let server = tokio::spawn(serve::serve(listener, service).map_err(|error| told(&error))?);
    let plan = Plan {
        address: ADDRESS.to_owned(),
        url: format!("https://{address}{}", serve::PATH),
        user_dn: serve::user_dn(ADDRESS),
        auth: AuthChoice::Ntlm,
        password,
        dialer: Dialer { tls: Some(ClientTls::trusting(vec![trusted]).map_err(|error| told(&error))?), proxy: None },
        verified: true,
        binding: true,
        listen: LISTEN,
        message_expected: true,
    };
    let mut report = Report::new(std::io::stdout().lock(), json);
    let run = test::run(&plan, &mut report).await;
    server.abort();
    run.map_err(|error| format!("standard output: {error}"))?;
    Ok(!report.failed())
}

/// A password that only this process knows: the server listens where every user of this machine can reach it.
fn password() -> SecretString {
    let mut bytes = [0; 16];
    crate::entropy::fill(&mut bytes);
    SecretString::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
