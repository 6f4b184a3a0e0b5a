//! What an Execute comes to: answers, refusals in the protocol's words, notifications.

use bytes::{Bytes, BytesMut};
use oxwire::core::{FileTime, Guid, Limits, SecretString, decode_all};
use oxwire::mapi::mapihttp::{ExecuteFlags, ExecuteSuccess};
use oxwire::mapi::property::{Cell, ErrorCode, PropertyTag, PropertyTags, PropertyValue, SortOrder, SortOrders};
use oxwire::mapi::rop::{
    AsynchronousFlags, Bookmark, ContentsTableFlags, GetContentsTableRequest, GetHierarchyTableRequest,
    GetPropertiesSpecificRequest, Handle, HierarchyTableFlags, LogonFlags, LogonRequest, NotificationScope,
    NotificationTypes, OpenFolderRequest, OpenModeFlags, QueryRowsFlags, QueryRowsRequest, RegisterNotificationRequest,
    ReleaseRequest, Request, RequestBuilder, RopBuffer, RopId, RopResponse, SetColumnsRequest, SortTableRequest,
};
use oxwire::mapi::rpc_header_ext::ExtendedBuffer;

use super::objects::Objects;
use super::properties::folder_id;
use super::rops::{self, Packing};
use super::users::{User, Users, user_dn};

const ADDRESS: &str = "ada@oxwire.test";
pub(super) const INBOX: u64 = 5;
const LARGEST: u32 = 0x8007;
const PLAIN: ExecuteFlags = ExecuteFlags::NO_COMPRESSION.with(ExecuteFlags::NO_XOR_MAGIC);

/// One session with the mailbox of one user.
struct Session {
    users: Users,
    objects: Objects,
}

impl Session {
    fn new() -> Self {
        let mut users = Users::default();
        let guid = Guid::from_wire([3; 16]);
        users.add(ADDRESS, SecretString::from("x"), [guid, guid], FileTime::from_intervals(1 << 57));
        Self { users, objects: Objects::default() }
    }

    fn user(&self) -> &User {
        self.users.iter().next().unwrap()
    }

    /// The ROP responses payload to a ROP requests payload.
    fn execute_bytes(&mut self, payload: &[u8], max_rop_out: u32) -> Bytes {
        let user = self.users.iter().next().unwrap();
        let wall = FileTime::from_intervals(1 << 57);
        let payload = Bytes::copy_from_slice(payload);
        let (packing, asked) = (&mut Packing::new(false), (PLAIN, max_rop_out));
        let (body, _) = rops::execute(&mut self.objects, user, &payload, packing, asked, wall).unwrap();
        let success: ExecuteSuccess<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
        assert_eq!(success.error_code, 0);
        success.rop_payload(&body).unwrap()
    }

    fn execute(&mut self, handles: &[Handle], write: impl FnOnce(&mut RequestBuilder<'_>)) -> Answer {
        let sent = payload(handles, write);
        let received = self.execute_bytes(&sent, LARGEST);
        Answer { sent, received }
    }

    fn logon(&mut self) -> Handle {
        let dn = user_dn(ADDRESS);
        self.execute(&[Handle::UNUSED], |r| r.push(&LogonRequest::private(0, 0, &dn)).unwrap()).handle(0)
    }

    fn inbox(&mut self, logon: Handle) -> Handle {
        self.execute(&[logon, Handle::UNUSED], |r| r.push(&open(INBOX)).unwrap()).handle(1)
    }

    /// The refusal of one operation on one handle.
    fn refusal(&mut self, handles: &[Handle], request: &impl Request) -> ErrorCode {
        match self.execute(handles, |r| r.push(request).unwrap()).one() {
            RopResponse::Failure(failure) => failure.return_value,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn payload(handles: &[Handle], write: impl FnOnce(&mut RequestBuilder<'_>)) -> Bytes {
    let mut out = BytesMut::new();
    let mut requests = RequestBuilder::new(&mut out);
    write(&mut requests);
    requests.finish(handles).unwrap();
    out.freeze()
}

pub(super) struct Answer {
    pub(super) sent: Bytes,
    pub(super) received: Bytes,
}

impl Answer {
    pub(super) fn handle(&self, index: u8) -> Handle {
        let buffer: RopBuffer<'_> = decode_all(&self.received, &Limits::DEFAULT).unwrap();
        buffer.handles().at(index).filter(|handle| handle.is_used()).unwrap()
    }

    pub(super) fn all(&self) -> Vec<RopResponse<'_>> {
        let sent: RopBuffer<'_> = decode_all(&self.sent, &Limits::DEFAULT).unwrap();
        let received: RopBuffer<'_> = decode_all(&self.received, &Limits::DEFAULT).unwrap();
        received.responses(sent.requests(), |_| None).map(|pair| pair.unwrap().response).collect()
    }

    fn one(&self) -> RopResponse<'_> {
        let mut all = self.all();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

pub(super) fn open(counter: u64) -> OpenFolderRequest {
    OpenFolderRequest {
        logon_id: 0,
        input_handle_index: 0,
        output_handle_index: 1,
        folder_id: folder_id(counter),
        open_mode_flags: OpenModeFlags::default(),
    }
}

const CONTENTS: GetContentsTableRequest = GetContentsTableRequest {
    logon_id: 0,
    input_handle_index: 0,
    output_handle_index: 1,
    table_flags: ContentsTableFlags::USE_UNICODE,
};

const ROWS: QueryRowsRequest = QueryRowsRequest {
    logon_id: 0,
    input_handle_index: 1,
    query_rows_flags: QueryRowsFlags::ADVANCE,
    forward_read: true,
    row_count: 50,
};

const SUBJECT: [PropertyTag; 1] = [PropertyTag::SUBJECT];

fn columns(tags: &[PropertyTag]) -> SetColumnsRequest<'_> {
    SetColumnsRequest {
        logon_id: 0,
        input_handle_index: 1,
        set_columns_flags: AsynchronousFlags::SYNCHRONOUS,
        property_tags: PropertyTags::new(tags),
    }
}

fn sorted(orders: &[SortOrder], category_count: u16) -> SortTableRequest<'_> {
    SortTableRequest {
        logon_id: 0,
        input_handle_index: 1,
        sort_table_flags: AsynchronousFlags::SYNCHRONOUS,
        category_count,
        expanded_count: 0,
        sort_orders: SortOrders::new(orders),
    }
}

fn subjects(response: &RopResponse<'_>) -> (Vec<String>, Bookmark) {
    let RopResponse::QueryRows(rows) = response else { panic!("{response:?}") };
    let subject =
        |row: Result<oxwire::mapi::property::PropertyRow<'_>, _>| match row.unwrap().cell(PropertyTag::SUBJECT) {
            Some(Ok(Cell::Value(PropertyValue::String(text)))) => text.to_string(),
            other => panic!("{other:?}"),
        };
    (rows.rows.clone().map(subject).collect(), rows.origin)
}

#[test]
fn a_table_is_sorted_and_read_in_both_directions() {
    let mut session = Session::new();
    let logon = session.logon();
    let inbox = session.inbox(logon);
    let by_subject = [SortOrder::ascending(PropertyTag::SUBJECT)];
    let two = QueryRowsRequest { row_count: 2, ..ROWS };
    let back = QueryRowsRequest { forward_read: false, row_count: 1, ..ROWS };
    let peek = QueryRowsRequest { query_rows_flags: QueryRowsFlags::NO_ADVANCE, row_count: 1, ..ROWS };
    let answer = session.execute(&[inbox, Handle::UNUSED], |r| {
        r.push(&CONTENTS).unwrap();
        r.push(&columns(&SUBJECT)).unwrap();
        r.push(&sorted(&by_subject, 0)).unwrap();
        for rows in [two, back, peek, ROWS, ROWS] {
            r.push(&rows).unwrap();
        }
    });
    let all = answer.all();
    let read: Vec<_> = all.iter().skip(3).map(subjects).collect();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        read,
        [
            (texts(&["Figures for the third quarter", "Grüße aus Köln"]), Bookmark::CURRENT),
            (texts(&["Grüße aus Köln"]), Bookmark::CURRENT),
            (texts(&["Grüße aus Köln"]), Bookmark::CURRENT),
            (texts(&["Grüße aus Köln", "Lunch?", "Welcome"]), Bookmark::END),
            (texts(&[]), Bookmark::END),
        ]
    );
}

#[test]
fn what_cannot_be_done_is_refused_in_the_protocols_words() {
    let mut session = Session::new();
    let logon = session.logon();
    let inbox = session.inbox(logon);
    let table = session.execute(&[inbox, Handle::UNUSED], |r| r.push(&CONTENTS).unwrap()).handle(1);
    let stranger = Handle(0x7000_0000);
    let mut public = LogonRequest::private(1, 0, "");
    public.logon_flags = LogonFlags::default();
    assert_eq!(session.refusal(&[Handle::UNUSED], &public), ErrorCode::LOGON_FAILED);
    let other = user_dn("bert@oxwire.test");
    assert_eq!(session.refusal(&[Handle::UNUSED], &LogonRequest::private(1, 0, &other)), ErrorCode::UNKNOWN_USER);
    assert_eq!(session.refusal(&[stranger, Handle::UNUSED], &open(INBOX)), ErrorCode::NULL_OBJECT);
    assert_eq!(session.refusal(&[logon, Handle::UNUSED], &open(9999)), ErrorCode::NOT_FOUND);
    assert_eq!(session.refusal(&[table, Handle::UNUSED], &open(INBOX)), ErrorCode::NOT_SUPPORTED);
    assert_eq!(session.refusal(&[logon, Handle::UNUSED], &CONTENTS), ErrorCode::NOT_SUPPORTED);
    let conversations = GetContentsTableRequest { table_flags: ContentsTableFlags::CONVERSATION_MEMBERS, ..CONTENTS };
    assert_eq!(session.refusal(&[inbox, Handle::UNUSED], &conversations), ErrorCode::NOT_SUPPORTED);
    assert_eq!(session.refusal(&[inbox, table], &ROWS), ErrorCode::NULL_OBJECT, "no columns were set");
    assert_eq!(session.refusal(&[inbox, table], &columns(&[])), ErrorCode::INVALID_PARAMETER);
    assert_eq!(session.refusal(&[inbox, inbox], &columns(&SUBJECT)), ErrorCode::NOT_SUPPORTED);
    let order = [SortOrder::ascending(PropertyTag::SUBJECT)];
    assert_eq!(session.refusal(&[inbox, table], &sorted(&order, 1)), ErrorCode::TOO_COMPLEX);
    let hierarchy = GetHierarchyTableRequest {
        logon_id: 0,
        input_handle_index: 0,
        output_handle_index: 1,
        table_flags: HierarchyTableFlags::DEPTH,
    };
    let folders = session.execute(&[inbox, Handle::UNUSED], |r| r.push(&hierarchy).unwrap()).handle(1);
    assert_eq!(session.refusal(&[inbox, folders], &sorted(&order, 0)), ErrorCode::NOT_SUPPORTED);
    let properties = GetPropertiesSpecificRequest {
        logon_id: 0,
        input_handle_index: 0,
        property_size_limit: 0,
        want_unicode: true,
        property_tags: PropertyTags::new(&SUBJECT),
    };
    assert_eq!(session.refusal(&[table], &properties), ErrorCode::NOT_SUPPORTED);
    assert_eq!(
        session.refusal(&[logon, Handle::UNUSED], &subscribe(NotificationTypes::OBJECT_MOVED)),
        ErrorCode::NOT_SUPPORTED
    );
    assert_eq!(
        session.refusal(&[inbox, Handle::UNUSED], &subscribe(NotificationTypes::NEW_MAIL)),
        ErrorCode::NOT_SUPPORTED
    );
}

pub(super) fn subscribe(notification_types: NotificationTypes) -> RegisterNotificationRequest {
    RegisterNotificationRequest {
        logon_id: 0,
        input_handle_index: 0,
        output_handle_index: 1,
        notification_types,
        scope: NotificationScope::WholeStore,
    }
}

#[test]
fn an_operation_that_is_not_built_does_not_cost_those_before_it() {
    let mut session = Session::new();
    let logon = session.logon();
    let mut sent = payload(&[logon, Handle::UNUSED], |r| r.push(&open(INBOX)).unwrap()).to_vec();
    // RopOpenStream (0x2B), LogonId 0, InputHandleIndex 1, OutputHandleIndex 2, a tag and a mode.
    let rop = [0x2B, 0, 1, 2, 0x1F, 0, 0, 0x10, 0];
    let end = usize::from(u16::from_le_bytes([sent[0], sent[1]]));
    sent.splice(end..end, rop);
    let size = u16::try_from(end + rop.len()).unwrap().to_le_bytes();
    sent[..2].copy_from_slice(&size);
    let received = session.execute_bytes(&sent, LARGEST);
    // By hand, [MS-OXCROPS] 2.2.4.1.2: RopOpenFolder, index 1, success, no rules, no ghost; then the failure of RopOpenStream
    // (2.2.9.1.2), its OutputHandleIndex 2, ecNotImplemented (0x80040FFF).
    let expected = [&[0x02, 1, 0, 0, 0, 0, 0, 0][..], &[0x2B, 2, 0xFF, 0x0F, 0x04, 0x80]].concat();
    assert_eq!(received[2..2 + expected.len()], expected);
    assert_eq!(usize::from(u16::from_le_bytes([received[0], received[1]])), expected.len() + 2);
}

#[test]
fn an_answer_keeps_within_its_size_and_gives_the_rest_back() {
    let mut session = Session::new();
    let logon = session.logon();
    let inbox = session.inbox(logon);
    let sent = payload(&[inbox, Handle::UNUSED], |r| {
        r.push(&CONTENTS).unwrap();
        r.push(&columns(&[PropertyTag::SUBJECT, PropertyTag::BODY])).unwrap();
        r.push(&ROWS).unwrap();
    });
    let max = 8 + 2 + 8 + 10 + 7 + 9 + 140;
    let answer = Answer { received: session.execute_bytes(&sent, max), sent };
    assert!(answer.received.len() + 8 <= usize::try_from(max).unwrap());
    let all = answer.all();
    let (read, origin) = subjects(all.last().unwrap());
    assert!(!read.is_empty() && read.len() < 4 && origin == Bookmark::CURRENT, "{read:?}");
}

#[test]
fn a_delivery_is_told_once_to_who_asked() {
    let mut session = Session::new();
    let logon = session.logon();
    let kinds = NotificationTypes::NEW_MAIL.with(NotificationTypes::OBJECT_CREATED);
    let subscription = session.execute(&[logon, Handle::UNUSED], |r| r.push(&subscribe(kinds)).unwrap()).handle(1);
    let principal = session.user().principal.clone();
    let wall = FileTime::from_intervals(1 << 57);
    let mailbox = &mut session.users.of_mut(&principal).unwrap().mailbox;
    let delivered = mailbox.deliver(("A", "a@oxwire.test"), "S", "B", wall).unwrap();
    assert!(session.objects.on_delivered(delivered));
    let answer = session.execute(&[], |_| {});
    let told: Vec<_> = answer
        .all()
        .iter()
        .map(|response| match response {
            RopResponse::Notify(notify) => {
                assert_eq!(notify.notification_handle, subscription);
                assert_eq!(notify.notification_data.folder_id, Some(folder_id(INBOX)));
                notify.notification_data.flags.notification_type()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [NotificationTypes::NEW_MAIL, NotificationTypes::OBJECT_CREATED]);
    assert!(session.execute(&[], |_| {}).all().is_empty());
    session.execute(&[subscription], |r| r.push(&ReleaseRequest { logon_id: 0, input_handle_index: 0 }).unwrap());
    assert!(!session.objects.on_delivered(delivered), "the subscription was released");
}

#[test]
fn no_payload_makes_it_panic() {
    let mut session = Session::new();
    let logon = session.logon();
    let whole = payload(&[logon, Handle::UNUSED], |r| {
        r.push(&open(INBOX)).unwrap();
        r.push(&GetContentsTableRequest { input_handle_index: 1, output_handle_index: 1, ..CONTENTS }).unwrap();
        r.push(&columns(&SUBJECT)).unwrap();
        r.push(&ROWS).unwrap();
    });
    let wall = FileTime::from_intervals(0);
    let mut run = |payload: Bytes| {
        let user = session.users.iter().next().unwrap();
        let _ = rops::execute(
            &mut session.objects,
            user,
            &payload,
            &mut Packing::new(true),
            (ExecuteFlags::NONE, 600),
            wall,
        );
    };
    for length in 0..whole.len() {
        run(whole.slice(..length));
    }
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut damaged = whole.to_vec();
            damaged[at] ^= flip;
            run(damaged.into());
        }
    }
    assert_eq!(RopId::OPEN_FOLDER.0, whole[2]);
}

/// [MS-OXCRPC] 3.1.4.2, pulFlags: what the client does not allow is not done; what is short is not compressed either way.
#[test]
fn answers_are_stored_as_the_flags_of_the_request_allow() {
    let (long, short) = ([7; 400], [7; 20]);
    for (compress, flags, rops, stored) in [
        (true, ExecuteFlags::NONE, &long[..], (true, true)),
        (true, ExecuteFlags::NO_COMPRESSION, &long, (false, true)),
        (true, ExecuteFlags::NO_XOR_MAGIC, &long, (true, false)),
        (true, PLAIN, &long, (false, false)),
        (true, ExecuteFlags::NONE, &short, (false, true)),
        (false, ExecuteFlags::NONE, &long, (false, false)),
    ] {
        let mut out = BytesMut::new();
        let pushed = Packing::new(compress).chain(&mut out, (flags, LARGEST)).push(|w| {
            w.bytes(rops);
            Ok(())
        });
        pushed.unwrap();
        let buffer: ExtendedBuffer<'_> = decode_all(&out, &Limits::DEFAULT).unwrap();
        assert_eq!((buffer.is_compressed(), buffer.is_obfuscated()), stored, "{compress} {flags:?} {}", rops.len());
        assert_eq!(buffer.payload().unwrap(), rops);
    }
    let mut out = BytesMut::new();
    let pushed = Packing::new(true).chain(&mut out, (ExecuteFlags::NONE, 300)).push(|w| {
        w.bytes(&long);
        Ok(())
    });
    pushed.unwrap_err();
}

#[test]
fn the_host_of_an_authority() {
    for (authority, host) in [
        ("h.test:8443", "h.test"),
        ("h.test", "h.test"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]:1", "::1"),
        ("[::1]", "::1"),
    ] {
        assert_eq!(super::host_of(authority), host);
    }
}
