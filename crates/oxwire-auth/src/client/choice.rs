//! Which scheme, with which credentials, and who is asked.

use std::time::Instant;

use oxwire_core::{ConnectionId, Error, Misuse, SecretString, SecurityContext, Step as SecurityStep};
use oxwire_http::{Head, HttpEvent, ResponseHead, Scheme};

use super::connection::{Attempt, Connection, Next, Side, Step};
use super::{ClientEvent, ClientLayer, CredentialsHandle, FailReason, LastToken, Target};
use crate::spnego::MechType;
use crate::trace::event;
use crate::{
    AuthScheme, BindingKind, Challenge, ChannelBinding, Charset, Credentials, Offer, UserName, basic_value, challenges,
    ntlm, token_value,
};

/// What is known of one target, over all connections.
#[derive(Debug, Default)]
pub(super) struct TargetState {
    credentials: Option<Credentials>,
    /// The target took them once.
    proven: bool,
    /// The connection that tries them, while they are not proven.
    tester: Option<ConnectionId>,
    /// The scheme to use at once.
    pub(super) scheme: Option<AuthScheme>,
    /// The mechanism inside of Negotiate that the target took.
    pub(super) mech: Option<MechType>,
    /// Schemes that came to nothing with these credentials, before the user was proved.
    pub(super) failed: Vec<AuthScheme>,
    charset: Option<Charset>,
    /// What happened to the credentials before.
    after: Option<FailReason>,
    /// The latest question.
    handle: Option<CredentialsHandle>,
    /// It is not answered yet.
    asked: bool,
    /// The connection that it was first asked for.
    asker: Option<ConnectionId>,
    /// It was declined after that connection had ended: until then the one in its place is not asked again.
    declined: Option<Instant>,
    /// Connections in a row that ended in mid-handshake.
    pub(super) restarts: u32,
}

impl TargetState {
    pub(super) fn set_credentials(&mut self, credentials: Credentials) {
        self.credentials = Some(credentials);
        self.proven = false;
        self.tester = None;
        self.asked = false;
        self.declined = None;
        self.failed.clear();
    }
}

/// What to do about a refusal.
pub(super) enum Choice {
    /// Go on.
    Next(Next),
    /// Nothing is left: the machine gets the refusal.
    Fail(Option<AuthScheme>, FailReason),
}

/// All challenges of a refusal, from all its lines.
pub(super) fn offered(side: Side, response: &ResponseHead) -> impl Iterator<Item = Challenge<'_>> {
    response.fields().all(side.challenge_field()).flat_map(challenges)
}

impl ClientLayer {
    pub(super) fn target_of(c: &Connection, side: Side) -> Target {
        match side {
            Side::Origin => Target::Origin(c.origin.clone()),
            Side::Proxy => Target::Proxy,
        }
    }

    pub(super) fn target(&mut self, c: &Connection, side: Side) -> &mut TargetState {
        self.targets.entry(Self::target_of(c, side)).or_default()
    }

    /// Whether the configuration lets that scheme be used there.
    fn allows(&self, c: &Connection, side: Side, scheme: AuthScheme) -> bool {
        if c.multiplexed && scheme.is_connection_bound() {
            return false;
        }
        let open = match side {
            Side::Origin => self.config.cleartext || c.origin.scheme == Scheme::Https,
            Side::Proxy => self.config.cleartext_to_proxy,
        };
        scheme.is_connection_bound() || open
    }

    /// Chooses among what was offered, once the request is known to need it.
    pub(super) fn choose(&mut self, now: Instant, c: &mut Connection, side: Side, response: &ResponseHead) -> Choice {
        let offers: Vec<Offer> = offered(side, response).map(Offer::from).collect();
        let known =
            |scheme: &AuthScheme| offers.iter().any(|offer| AuthScheme::from_name(&offer.scheme) == Some(*scheme));
        let built: Vec<_> = self.config.preference.iter().copied().filter(known).collect();
        let allowed: Vec<_> = built.iter().copied().filter(|scheme| self.allows(c, side, *scheme)).collect();
        let failed = &self.target(c, side).failed;
        let usable: Vec<_> = allowed.iter().copied().filter(|scheme| !failed.contains(scheme)).collect();
        if usable.is_empty() {
            let names: Vec<&str> = offers.iter().map(|offer| &*offer.scheme).collect();
            let reason = if built.is_empty() || !allowed.is_empty() {
                FailReason::NoCommonScheme { offered: names.join(", ").into() }
            } else if c.multiplexed && built.iter().any(|scheme| scheme.is_connection_bound()) {
                FailReason::NeedsHttp11
            } else {
                FailReason::NeedsTls
            };
            return Choice::Fail(None, reason);
        }
        if let Some(basic) = offers.iter().find(|offer| offer.scheme.eq_ignore_ascii_case("Basic")) {
            let utf8 = basic.param("charset").is_some_and(|charset| charset.eq_ignore_ascii_case("UTF-8"));
            self.target(c, side).charset = utf8.then_some(Charset::Utf8);
        }
        let target = self.target(c, side);
        let fit = target.credentials.as_ref().and_then(|have| usable.iter().copied().find(|scheme| have.fit(*scheme)));
        let Some(scheme) = fit else {
            if target.declined.take().is_some_and(|until| now < until) {
                return Choice::Fail(None, FailReason::NoCredentials);
            }
            self.ask(c, side, offers, usable);
            return Choice::Next(Next::Park);
        };
        let before = target.scheme.replace(scheme);
        if self.is_tried_elsewhere(c, side) {
            return Choice::Next(Next::Park);
        }
        if before != Some(scheme) {
            let rank = |s: AuthScheme| self.config.preference.iter().position(|p| *p == s);
            let downgrade_from = before.filter(|before| rank(*before) < rank(scheme));
            event!(
                debug,
                conn = c.id.number(),
                peer = %Self::target_of(c, side),
                scheme = scheme.as_str(),
                downgrade_from = downgrade_from.map(AuthScheme::as_str),
                "scheme chosen"
            );
            self.events.push_back(ClientEvent::SchemeChosen {
                conn: c.id,
                target: Self::target_of(c, side),
                scheme,
                offered: offers.into_iter().map(|offer| offer.scheme).collect(),
                downgrade_from,
            });
        }
        match self.begin_attempt(now, c, side, scheme) {
            Ok(next) => Choice::Next(next),
            Err(reason) if scheme == AuthScheme::Negotiate => {
                self.scheme_failed(now, c, side, scheme, reason, response)
            }
            Err(reason) => Choice::Fail(Some(scheme), reason),
        }
    }

    /// The schemes of a refusal that can still be used.
    pub(super) fn usable(&mut self, c: &Connection, side: Side, response: &ResponseHead) -> Vec<AuthScheme> {
        let target = self.target(c, side);
        let (failed, credentials) = (target.failed.clone(), target.credentials.clone());
        let fits = |scheme| credentials.as_ref().is_none_or(|have| have.fit(scheme));
        let preference = self.config.preference.iter().copied();
        let usable = preference.filter(|scheme| {
            let known = offered(side, response).any(|offer| offer.is(scheme.as_str()));
            known && !failed.contains(scheme) && fits(*scheme) && self.allows(c, side, *scheme)
        });
        usable.collect()
    }

    /// Whether another connection is trying credentials that are not proven yet; otherwise this one is, from now on.
    ///
    /// An IN channel of RPC over HTTP proves nothing while all is well: its request is not answered. So it leaves the trying to
    /// another connection, where one is on its way to an answer; the virtual connection's OUT channel is.
    fn is_tried_elsewhere(&mut self, c: &Connection, side: Side) -> bool {
        let id = c.id;
        let target = self.target(c, side);
        if target.proven {
            return false;
        }
        let tester = target.tester;
        if tester.is_none() && c.is_in_channel() && self.is_another_on_its_way(c, side) {
            return true;
        }
        *self.target(c, side).tester.get_or_insert(id) != id
    }

    /// Whether another connection to the same target has a request that will be answered, and is not yet.
    fn is_another_on_its_way(&self, c: &Connection, side: Side) -> bool {
        let name = Self::target_of(c, side);
        self.connections.values().any(|other| {
            let waits = matches!(other.step, Step::Awaiting { .. } | Step::Draining { .. } | Step::Parked { .. });
            waits && !other.is_in_channel() && Self::target_of(other, side) == name
        })
    }

    /// The scheme to begin with, before anybody has asked.
    pub(super) fn assumed(&mut self, c: &Connection, side: Side) -> Option<AuthScheme> {
        let target = self.target(c, side);
        let (scheme, credentials) = (target.scheme?, target.credentials.as_ref()?);
        let fits = credentials.fit(scheme) && !target.failed.contains(&scheme);
        let fits = fits && self.config.preference.contains(&scheme) && self.allows(c, side, scheme);
        (fits && !self.is_tried_elsewhere(c, side)).then_some(scheme)
    }

    /// Makes what the next request carries for that side.
    pub(super) fn begin_attempt(
        &mut self,
        now: Instant,
        c: &mut Connection,
        side: Side,
        scheme: AuthScheme,
    ) -> Result<Next, FailReason> {
        let target = self.target(c, side);
        let charset = target.charset;
        let credentials = target.credentials.clone().ok_or(FailReason::NoCredentials)?;
        let charset = charset.unwrap_or(self.config.basic_charset);
        let attempt = match (scheme, &credentials) {
            (AuthScheme::Basic, Credentials::Password { user, password }) => {
                Attempt::Final { scheme, value: basic_value(user, password, charset)? }
            }
            (AuthScheme::Bearer, Credentials::Bearer(token)) => {
                let value = SecretString::new(["Bearer ", token.expose()].concat());
                Attempt::Final { scheme, value }
            }
            (AuthScheme::Negotiate, credentials) if credentials.fit(scheme) => {
                self.begin_negotiate(now, c, side, credentials)?
            }
            (AuthScheme::Ntlm, Credentials::Password { user, password }) => {
                self.begin_ntlm(now, c, side, user, ntlm::nt_hash(password.expose()))?
            }
            (AuthScheme::Ntlm, Credentials::NtHash { user, hash }) => {
                self.begin_ntlm(now, c, side, user, hash.clone())?
            }
            _ => return Err(FailReason::NoCredentials),
        };
        let next = attempt.next();
        c.side(side).attempt = attempt;
        Ok(next)
    }

    fn begin_ntlm(
        &mut self,
        now: Instant,
        c: &Connection,
        side: Side,
        user: &UserName,
        hash: ntlm::Key,
    ) -> Result<Attempt, FailReason> {
        let mut client = Box::new(ntlm::Client::new(self.ntlm_config(c, side, user, hash)));
        match client.step(None, self.wall.at(now), &mut *self.entropy) {
            Ok(SecurityStep::Continue(token)) => {
                let value = SecretString::new(token_value(AuthScheme::Ntlm.as_str(), &token));
                Ok(Attempt::Handshake { client, value })
            }
            Ok(_) => Err(FailReason::NoToken),
            Err(error) => Err(FailReason::Token(error.to_string().into())),
        }
    }

    pub(super) fn ntlm_config(
        &self,
        c: &Connection,
        side: Side,
        user: &UserName,
        hash: ntlm::Key,
    ) -> ntlm::ClientConfig {
        let mut config = ntlm::ClientConfig::with_hash(user.clone(), hash);
        config.workstation = self.config.workstation.clone();
        if side == Side::Origin {
            config.target_name = match &self.config.target_name {
                Some(name) => name.clone(),
                None => ["HTTP/", &c.origin.host].concat().into(),
            };
        }
        config
    }

    /// Goes on with a handshake: the challenge that came, or why not.
    pub(super) fn continue_ntlm(
        &mut self,
        now: Instant,
        c: &mut Connection,
        side: Side,
        mut client: ntlm::Client,
        response: &ResponseHead,
    ) -> Choice {
        let scheme = AuthScheme::Ntlm;
        let max = self.config.token_bytes;
        // gromox answers `NTLM` with `Negotiate`: any token that is a CHALLENGE_MESSAGE is taken.
        let is_challenge = |token: &Vec<u8>| ntlm::message_type(token) == Some(ntlm::MessageType::Challenge);
        let named = offered(side, response).find(|challenge| challenge.is("NTLM") && challenge.token().is_some());
        let token = match named {
            Some(challenge) => challenge.token_bytes(max),
            None => offered(side, response)
                .filter(|challenge| challenge.is("Negotiate"))
                .find_map(|challenge| challenge.token_bytes(max).filter(is_challenge)),
        };
        let Some(token) = token else {
            let reason = match named {
                Some(_) => FailReason::Token("not base64, or longer than `ClientConfig::token_bytes`".into()),
                None => FailReason::NoToken,
            };
            return Choice::Fail(Some(scheme), reason);
        };
        if side == Side::Origin {
            client.set_binding(c.binding.clone());
        }
        match client.step(Some(&token), self.wall.at(now), &mut *self.entropy) {
            Ok(SecurityStep::Complete(Some(token))) => {
                let value = SecretString::new(token_value(scheme.as_str(), &token));
                c.side(side).attempt = Attempt::Final { scheme, value };
                Choice::Next(Next::Full)
            }
            Ok(_) => Choice::Fail(Some(scheme), FailReason::NoToken),
            Err(error) => Choice::Fail(Some(scheme), FailReason::Token(error.to_string().into())),
        }
    }

    /// The side accepted what was sent. `persists` is its `Persistent-Auth`.
    pub(super) fn accepted(&mut self, c: &mut Connection, side: Side, last_token: LastToken, persists: Option<bool>) {
        let state = c.side(side);
        let (scheme, mechanism) = match &state.attempt {
            Attempt::Final { scheme, .. } => (*scheme, None),
            Attempt::Negotiate { initiator, .. } if initiator.has_proved() => (AuthScheme::Negotiate, initiator.mech()),
            _ => {
                state.attempt = Attempt::Nothing;
                return;
            }
        };
        if scheme.is_connection_bound() {
            // [MS-N2HT] 3.2.5: without the header, NTLM alone persists.
            let by_default = scheme == AuthScheme::Ntlm || mechanism == Some(MechType::NTLM);
            state.established = persists.unwrap_or(by_default);
            state.attempt = Attempt::Nothing;
        }
        let told = std::mem::replace(&mut state.told, true);
        let name = Self::target_of(c, side);
        let target = self.target(c, side);
        target.restarts = 0;
        target.after = None;
        target.mech = mechanism.or(target.mech);
        if !std::mem::replace(&mut target.proven, true) {
            target.tester = None;
            self.wake.push_back(name.clone());
        }
        if !told {
            let binding = sent_binding(c, side, scheme);
            event!(debug, conn = c.id.number(), scheme = scheme.as_str(), binding = %binding, "authenticated");
            self.events.push_back(ClientEvent::Authenticated {
                conn: c.id,
                target: name,
                scheme,
                mechanism,
                binding,
                last_token,
            });
        }
    }

    /// The side refused what was sent: the credentials are forgotten.
    pub(super) fn rejected(
        &mut self,
        c: &mut Connection,
        side: Side,
        scheme: AuthScheme,
        response: &ResponseHead,
    ) -> Next {
        let reason = FailReason::Rejected { binding: sent_binding(c, side, scheme) };
        c.side(side).told = false;
        self.fail(c, side, Some(scheme), reason.clone());
        let target = self.target(c, side);
        target.credentials = None;
        target.proven = false;
        target.tester = None;
        target.after = Some(reason);
        let offers: Vec<Offer> = offered(side, response).map(Offer::from).collect();
        let known = |s: &AuthScheme| offers.iter().any(|offer| AuthScheme::from_name(&offer.scheme) == Some(*s));
        let usable = self.config.preference.iter().copied().filter(|s| known(s) && self.allows(c, side, *s)).collect();
        self.ask(c, side, offers, usable);
        Next::Park
    }

    /// Asks the caller, unless the question stands already.
    fn ask(&mut self, c: &Connection, side: Side, offers: Vec<Offer>, usable: Vec<AuthScheme>) {
        let handle = CredentialsHandle(self.next_handle);
        let name = Self::target_of(c, side);
        let target = self.target(c, side);
        if target.asked {
            return;
        }
        target.asked = true;
        target.asker = Some(c.id);
        event!(debug, conn = c.id.number(), peer = %name, "credentials asked for");
        target.handle = Some(handle);
        let after = target.after.take();
        self.next_handle += 1;
        self.events.push_back(ClientEvent::CredentialsNeeded {
            handle,
            conn: c.id,
            target: name,
            offers,
            usable,
            after,
        });
    }

    pub(super) fn fail(&mut self, c: &Connection, side: Side, scheme: Option<AuthScheme>, reason: FailReason) {
        let target = Self::target_of(c, side);
        event!(
            info,
            conn = c.id.number(),
            peer = %target,
            scheme = scheme.map(AuthScheme::as_str),
            reason = %crate::trace::FailReason(&reason),
            "authentication failed"
        );
        self.events.push_back(ClientEvent::Failed { conn: c.id, target, scheme, reason });
    }

    /// Answers a question. An answer that comes late is kept for the next request.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that was not given out.
    pub fn provide(&mut self, now: Instant, handle: CredentialsHandle, credentials: Credentials) -> Result<(), Error> {
        let Some(name) = self.find(handle, "provide")? else { return Ok(()) };
        self.targets.entry(name.clone()).or_default().set_credentials(credentials);
        self.wake.push_back(name);
        self.run_wakes(now);
        Ok(())
    }

    /// Declines a question: the machine gets the 401 or 407. Where the connection that it was asked for is gone, since a channel of RPC
    /// over HTTP ends by a refusal and is opened again, the next one gets it too, unless that takes longer than
    /// [`ClientConfig::leg_timeout`](super::ClientConfig::leg_timeout).
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that was not given out.
    pub fn refuse(&mut self, now: Instant, handle: CredentialsHandle) -> Result<(), Error> {
        let Some(name) = self.find(handle, "refuse")? else { return Ok(()) };
        let target = self.targets.entry(name.clone()).or_default();
        if std::mem::take(&mut target.asked) {
            let (asker, waiting) = (target.asker, self.parked_on(&name));
            if asker.is_none_or(|asker| !waiting.contains(&asker)) {
                let until = self.leg_deadline(now);
                self.targets.entry(name).or_default().declined = Some(until);
            }
            for id in waiting {
                self.on_connection(now, id, "refuse", |this, c| {
                    this.give_up(c, FailReason::NoCredentials);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// The target that a handle asks about; `None` when a later question has taken its place.
    fn find(&self, handle: CredentialsHandle, call: &'static str) -> Result<Option<Target>, Error> {
        if handle.0 >= self.next_handle {
            let advice = "answer with the handle of a `CredentialsNeeded`";
            return Err(Misuse { call, state: "no such question", advice }.into());
        }
        Ok(self.targets.iter().find(|(_, target)| target.handle == Some(handle)).map(|(name, _)| name.clone()))
    }

    fn parked_on(&self, name: &Target) -> Vec<ConnectionId> {
        let waits = |c: &&Connection| match c.step {
            Step::Parked { side, .. } => Self::target_of(c, side) == *name,
            _ => false,
        };
        let mut ids: Vec<_> = self.connections.values().filter(waits).map(|c| c.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Looks at the connections that waited for credentials, or for their proof.
    pub(super) fn run_wakes(&mut self, now: Instant) {
        while let Some(name) = self.wake.pop_front() {
            for id in self.parked_on(&name) {
                let Some(mut c) = self.connections.remove(&id) else { continue };
                self.unpark(now, &mut c);
                self.put_back(c);
            }
        }
    }

    fn unpark(&mut self, now: Instant, c: &mut Connection) {
        let Step::Parked { side, response, close, deadline } = std::mem::replace(&mut c.step, Step::Idle) else {
            return;
        };
        match self.choose(now, c, side, &response) {
            Choice::Next(Next::Park) => c.step = Step::Parked { side, response, close, deadline },
            Choice::Next(next) => {
                let deadline = self.leg_deadline(now);
                let close = close || c.dead;
                c.step = Step::Draining { side, response, next, drained: true, close, deadline };
                self.go_on(now, c);
            }
            Choice::Fail(scheme, reason) => {
                self.fail(c, side, scheme, reason);
                self.hand_over(c, response);
            }
        }
    }

    /// Ends the wait of a parked request with the refusal that it was parked on.
    pub(super) fn give_up(&mut self, c: &mut Connection, reason: FailReason) {
        let Step::Parked { side, response, .. } = std::mem::replace(&mut c.step, Step::Idle) else { return };
        self.target(c, side).asked = false;
        self.fail(c, side, None, reason);
        self.hand_over(c, response);
    }

    /// Gives the machine a refusal whose body was not kept.
    pub(super) fn hand_over(&mut self, c: &mut Connection, response: ResponseHead) {
        self.deliver(c.id, HttpEvent::Head(Head::Response(response)));
        self.deliver(c.id, HttpEvent::End);
        if c.exchange.as_ref().is_some_and(|exchange| !exchange.ended) {
            // What the machine still says of its request goes nowhere.
            self.forget_body(c);
            c.step = Step::Responding { ended: true };
        } else {
            self.drop_exchange(c);
            c.step = Step::Idle;
        }
        if c.dead {
            let reset = oxwire_http::Reset::not_sent("the connection ended while credentials were awaited");
            self.deliver(c.id, HttpEvent::Reset(reset));
            c.gone = true;
        }
    }

    /// Lets others try what this connection was trying.
    pub(super) fn release(&mut self, c: &Connection) {
        for side in [Side::Origin, Side::Proxy] {
            let name = Self::target_of(c, side);
            if let Some(target) = self.targets.get_mut(&name)
                && target.tester == Some(c.id)
            {
                target.tester = None;
                self.wake.push_back(name);
            }
        }
    }
}

/// The binding that went along with a scheme.
fn sent_binding(c: &Connection, side: Side, scheme: AuthScheme) -> BindingKind {
    match (side, scheme) {
        (Side::Origin, AuthScheme::Ntlm | AuthScheme::Negotiate) => c.binding.kind(),
        _ => ChannelBinding::None.kind(),
    }
}
