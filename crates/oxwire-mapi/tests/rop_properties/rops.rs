//! Any requests, any responses, and what damage leaves of them.

use bytes::{Bytes, BytesMut};
use oxwire_core::{Encode, FileTime, Guid, Limits, decode_all, encode_to_bytes};
use oxwire_mapi::property::{ErrorCode, Order, PropertyTag, PropertyType, SortOrder, SortOrders};
use oxwire_mapi::rop::*;
use proptest::collection::vec;
use proptest::prelude::*;

use super::values::{folder_id, message_id, rows, tags};

fn heads() -> impl Strategy<Value = (u8, u8, u8)> {
    any::<(u8, u8, u8)>()
}

fn ascii() -> impl Strategy<Value = &'static [u8]> {
    "[a-z/=]{0,20}".prop_map(|text| &*text.into_bytes().leak())
}

fn logon() -> impl Strategy<Value = LogonRequest<'static>> {
    (heads(), any::<(u8, u32, u32)>(), ascii()).prop_map(|((logon_id, index, _), flags, essdn)| LogonRequest {
        logon_id,
        output_handle_index: index,
        logon_flags: LogonFlags::from_bits(flags.0),
        open_flags: OpenFlags::from_bits(flags.1),
        store_state: flags.2,
        essdn,
    })
}

fn sort_table() -> impl Strategy<Value = SortTableRequest<'static>> {
    let order = (any::<u16>(), any::<u16>(), any::<u8>()).prop_map(|(id, property_type, order)| SortOrder {
        property: PropertyTag::new(id, PropertyType(property_type)),
        order: Order(order),
    });
    (heads(), any::<(u16, u16)>(), vec(order, 0..4)).prop_map(|((logon_id, index, flags), counts, orders)| {
        SortTableRequest {
            logon_id,
            input_handle_index: index,
            sort_table_flags: AsynchronousFlags::from_bits(flags),
            category_count: counts.0,
            expanded_count: counts.1,
            sort_orders: SortOrders::new(orders.leak()),
        }
    })
}

fn register() -> impl Strategy<Value = RegisterNotificationRequest> {
    let object = (folder_id(), message_id());
    let object = object.prop_map(|(folder_id, message_id)| NotificationScope::Object { folder_id, message_id });
    let scope = prop_oneof![Just(NotificationScope::WholeStore), object];
    (heads(), any::<u16>(), scope).prop_map(|((logon_id, input, output), types, scope)| RegisterNotificationRequest {
        logon_id,
        input_handle_index: input,
        output_handle_index: output,
        notification_types: NotificationTypes::from_bits(types),
        scope,
    })
}

/// Any request, with any bits in its flags.
fn request() -> impl Strategy<Value = RopRequest<'static>> {
    let open = (heads(), folder_id(), any::<u8>());
    let open = open.prop_map(|((logon_id, input_handle_index, output_handle_index), folder_id, flags)| {
        let open_mode_flags = OpenModeFlags::from_bits(flags);
        OpenFolderRequest { logon_id, input_handle_index, output_handle_index, folder_id, open_mode_flags }
    });
    let hierarchy = (heads(), any::<u8>()).prop_map(|((logon_id, input_handle_index, output_handle_index), flags)| {
        let table_flags = HierarchyTableFlags::from_bits(flags);
        GetHierarchyTableRequest { logon_id, input_handle_index, output_handle_index, table_flags }
    });
    let contents = (heads(), any::<u8>()).prop_map(|((logon_id, input_handle_index, output_handle_index), flags)| {
        let table_flags = ContentsTableFlags::from_bits(flags);
        GetContentsTableRequest { logon_id, input_handle_index, output_handle_index, table_flags }
    });
    let columns = (heads(), tags()).prop_map(|((logon_id, input_handle_index, flags), property_tags)| {
        let set_columns_flags = AsynchronousFlags::from_bits(flags);
        SetColumnsRequest { logon_id, input_handle_index, set_columns_flags, property_tags }
    });
    let query = (heads(), any::<(bool, u16)>());
    let query = query.prop_map(|((logon_id, input_handle_index, flags), (forward_read, row_count))| {
        let query_rows_flags = QueryRowsFlags::from_bits(flags);
        QueryRowsRequest { logon_id, input_handle_index, query_rows_flags, forward_read, row_count }
    });
    let properties = (heads(), any::<(u16, bool)>(), tags());
    let properties =
        properties.prop_map(|((logon_id, input_handle_index, _), (limit, want_unicode), property_tags)| {
            let property_size_limit = limit;
            GetPropertiesSpecificRequest {
                logon_id,
                input_handle_index,
                property_size_limit,
                want_unicode,
                property_tags,
            }
        });
    let release = heads().prop_map(|(logon_id, input_handle_index, _)| ReleaseRequest { logon_id, input_handle_index });
    prop_oneof![
        logon().prop_map(RopRequest::Logon),
        release.prop_map(RopRequest::Release),
        open.prop_map(RopRequest::OpenFolder),
        hierarchy.prop_map(RopRequest::GetHierarchyTable),
        contents.prop_map(RopRequest::GetContentsTable),
        columns.prop_map(RopRequest::SetColumns),
        sort_table().prop_map(RopRequest::SortTable),
        query.prop_map(RopRequest::QueryRows),
        properties.prop_map(RopRequest::GetPropertiesSpecific),
        register().prop_map(RopRequest::RegisterNotification),
    ]
}

fn encoded(response: &impl Response) -> Bytes {
    encode_to_bytes(response).unwrap()
}

/// A response that was read, written again.
fn encoded_again(response: &RopResponse<'_>) -> Bytes {
    use RopResponse as R;
    match response {
        R::Logon(response) => encoded(response),
        R::OpenFolder(response) => encoded(response),
        R::GetHierarchyTable(response) => encoded(response),
        R::GetContentsTable(response) => encoded(response),
        R::SetColumns(response) => encoded(response),
        R::SortTable(response) => encoded(response),
        R::QueryRows(response) => encoded(response),
        R::RegisterNotification(response) => encoded(response),
        R::Failure(response) => encoded(response),
        R::Notify(response) => encoded(response),
        R::Pending(response) => encoded(response),
        R::BufferTooSmall(response) => encoded(response),
        R::Backoff(response) => encoded(response),
        R::GetPropertiesSpecific(response) => {
            let cells: Vec<_> = response.row.cells().map(|cell| cell.unwrap().1).collect();
            encoded(&PropertiesResponse {
                input_handle_index: response.input_handle_index,
                property_tags: response.row.columns(),
                cell: |index: usize, _| cells.get(index).copied().unwrap(),
            })
        }
        other => panic!("{other:?}"),
    }
}

/// Requests and the bytes of the response to them, if there is one.
type Answered = (Vec<RopRequest<'static>>, Option<Bytes>);

fn plain() -> impl Strategy<Value = Answered> {
    (request(), any::<(u8, u8, u32, bool)>(), 1_u32..).prop_filter_map(
        "answered without rows",
        |(request, (index, status, count, flag), code)| {
            let (output_handle_index, input_handle_index, table_status) = (index, index, TableStatus(status));
            let failure = FailureResponse {
                rop_id: request.rop_id(),
                handle_index: index,
                return_value: ErrorCode(if code == ErrorCode::WRONG_SERVER.0 { 1 } else { code }),
            };
            let response = match request {
                RopRequest::Release(_) => None,
                _ if flag => Some(encoded(&failure)),
                RopRequest::OpenFolder(_) => {
                    let ghosted = GhostedServers::from_wire(b"one\0two\0", 1).filter(|_| count % 2 == 0);
                    Some(encoded(&OpenFolderResponse { output_handle_index, has_rules: status % 2 == 0, ghosted }))
                }
                RopRequest::GetHierarchyTable(_) => {
                    Some(encoded(&GetHierarchyTableResponse { output_handle_index, row_count: count }))
                }
                RopRequest::GetContentsTable(_) => {
                    Some(encoded(&GetContentsTableResponse { output_handle_index, row_count: count }))
                }
                RopRequest::SetColumns(_) => Some(encoded(&SetColumnsResponse { input_handle_index, table_status })),
                RopRequest::SortTable(_) => Some(encoded(&SortTableResponse { input_handle_index, table_status })),
                RopRequest::RegisterNotification(_) => {
                    Some(encoded(&RegisterNotificationResponse { output_handle_index }))
                }
                _ => return None,
            };
            Some((vec![request], response))
        },
    )
}

fn logged_on() -> impl Strategy<Value = Answered> {
    (logon(), any::<(u8, u8, u8, u16)>(), any::<[u8; 16]>(), any::<(u64, u64, u32)>(), ascii()).prop_map(
        |(request, (output_handle_index, flags, response_flags, repl_id), guid, (time, gwart_time, state), name)| {
            let (logon_flags, guid) = (LogonFlags::from_bits(flags), Guid::from_wire(guid));
            let response = match flags % 3 {
                0 => LogonResponse::Redirect(LogonRedirectResponse {
                    output_handle_index,
                    logon_flags,
                    server_name: name,
                }),
                _ if logon_flags.contains(LogonFlags::PRIVATE) => LogonResponse::Private(PrivateLogonResponse {
                    output_handle_index,
                    logon_flags,
                    folder_ids: FolderIds::default(),
                    response_flags: ResponseFlags::from_bits(response_flags),
                    mailbox_guid: guid,
                    repl_id,
                    repl_guid: guid,
                    logon_time: LogonTime::from_file_time(FileTime::from_intervals(time)),
                    gwart_time,
                    store_state: state,
                }),
                _ => LogonResponse::Public(PublicLogonResponse {
                    output_handle_index,
                    logon_flags,
                    folder_ids: FolderIds::default(),
                    repl_id,
                    repl_guid: guid,
                    per_user_guid: guid,
                }),
            };
            (vec![RopRequest::Logon(request)], Some(encoded(&response)))
        },
    )
}

/// RopGetPropertiesSpecific, and RopQueryRows of columns that the RopSetColumns before it set.
fn with_rows() -> impl Strategy<Value = Vec<Answered>> {
    (any::<bool>().prop_flat_map(rows), any::<u8>(), any::<bool>()).prop_map(|((columns, rows), index, one)| {
        let property_tags = oxwire_mapi::property::PropertyTags::new(columns.leak());
        let (logon_id, input_handle_index) = (0, index);
        if let (true, Some(row)) = (one, rows.first()) {
            let cell = |index: usize, _| row.get(index).copied().unwrap();
            let response = encoded(&PropertiesResponse { input_handle_index, property_tags, cell });
            let (property_size_limit, want_unicode) = (0, true);
            let request = GetPropertiesSpecificRequest {
                logon_id,
                input_handle_index,
                property_size_limit,
                want_unicode,
                property_tags,
            };
            return vec![(vec![RopRequest::GetPropertiesSpecific(request)], Some(response))];
        }
        let mut out = BytesMut::new();
        let width = oxwire_mapi::property::CountWidth::RopBuffer;
        let mut writer = oxwire_mapi::property::RowsWriter::new(&mut out, property_tags, width, usize::MAX);
        for row in &rows {
            assert_eq!(writer.push(|index, _| row.get(index).copied().unwrap()), Ok(true));
        }
        let response = QueryRowsResponse { input_handle_index, origin: Bookmark(index), rows: writer.finish() };
        let set_columns_flags = AsynchronousFlags::default();
        let set = SetColumnsRequest { logon_id, input_handle_index, set_columns_flags, property_tags };
        let query_rows_flags = QueryRowsFlags::default();
        let query =
            QueryRowsRequest { logon_id, input_handle_index, query_rows_flags, forward_read: true, row_count: 9 };
        let set_response = SetColumnsResponse { input_handle_index, table_status: TableStatus::COMPLETE };
        vec![
            (vec![RopRequest::SetColumns(set)], Some(encoded(&set_response))),
            (vec![RopRequest::QueryRows(query)], Some(encoded(&response))),
        ]
    })
}

/// What no request asks for, which may stand between responses.
fn unasked() -> impl Strategy<Value = Answered> {
    (folder_id(), message_id(), any::<(u32, u8, u16)>()).prop_map(|(folder_id, message_id, (number, kind, session))| {
        let data = match kind % 5 {
            0 => NotificationData::new_mail(folder_id, message_id, number, MessageClass::Ascii(b"IPM.Note")),
            1 => NotificationData::message_deleted(folder_id, message_id),
            2 => NotificationData::folder_modified(folder_id, Some(number), None),
            3 => NotificationData::table_changed(),
            _ => return (Vec::new(), Some(encoded(&PendingResponse { session_index: session }))),
        };
        let event = NotifyResponse { notification_handle: Handle(number), logon_id: kind, notification_data: data };
        (Vec::new(), Some(encoded(&event)))
    })
}

fn exchange() -> impl Strategy<Value = Vec<Answered>> {
    let one = |answered| vec![answered];
    let part = prop_oneof![
        2 => plain().prop_map(one),
        1 => logged_on().prop_map(one),
        2 => with_rows(),
        1 => unasked().prop_map(one),
    ];
    vec(part, 0..6).prop_map(|parts| parts.into_iter().flatten().collect())
}

/// A buffer around a list of ROPs, with 256 handles.
fn framed(list: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(list.len() + 2).unwrap().to_le_bytes().to_vec();
    bytes.extend_from_slice(list);
    bytes.resize(bytes.len() + 256 * 4, 0);
    bytes
}

fn buffer(bytes: &[u8]) -> RopBuffer<'_> {
    decode_all(bytes, &Limits::DEFAULT).unwrap()
}

fn damage(list: &mut Vec<u8>, at: usize, change: Option<u8>) {
    match change {
        Some(mask) => list.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= mask),
        None => list.truncate(at),
    }
}

proptest! {
    #[test]
    fn any_requests_survive(requests in vec(request(), 0..8), handles in vec(any::<u32>().prop_map(Handle), 256)) {
        let mut out = BytesMut::new();
        let mut builder = RequestBuilder::new(&mut out);
        for request in &requests {
            let before = builder.len();
            builder.push(request).unwrap();
            prop_assert_eq!(builder.len() - before, request.encoded_len());
        }
        builder.finish(&handles).unwrap();
        let buffer = buffer(&out);
        let read: Vec<_> = buffer.requests().map(|request| request.unwrap().rop).collect();
        prop_assert_eq!(&read, &requests);
        prop_assert_eq!(buffer.handles().iter().collect::<Vec<_>>(), handles);
    }

    /// A cut, or a changed byte, or any bytes behind: the requests before it are read, and a server's answer to them parses.
    #[test]
    fn damaged_requests_keep_those_before(
        requests in vec(request(), 0..6),
        tail in vec(any::<u8>(), 1..12),
        at in any::<prop::sample::Index>(),
        change in proptest::option::of(1_u8..),
    ) {
        let (mut list, mut ends) = (Vec::new(), Vec::new());
        for request in &requests {
            list.extend_from_slice(&encode_to_bytes(request).unwrap());
            ends.push(list.len());
        }
        list.extend_from_slice(&tail);
        let at = at.index(list.len());
        damage(&mut list, at, change);
        let good = ends.iter().filter(|end| **end <= at).count();
        let bytes = framed(&list);
        let read: Vec<_> = buffer(&bytes).requests().collect();
        prop_assert!(read.len() >= good);
        for (read, request) in read.iter().zip(&requests).take(good) {
            prop_assert_eq!(read.map(|read| read.rop), Ok(*request));
        }
        let errors = read.iter().filter(|read| read.is_err()).count();
        prop_assert_eq!(errors, usize::from(read.last().is_some_and(Result::is_err)));

        let mut out = BytesMut::new();
        let mut execution = Execution::begin(&buffer(&bytes), &mut out, usize::MAX).unwrap();
        let mut taken = 0;
        while execution.next_request().is_some() {
            execution.fail(ErrorCode::NULL_OBJECT);
            taken += 1;
        }
        let stopped = matches!(execution.finish().stop, Some(Stop::Request(_)));
        prop_assert_eq!((taken, stopped), (read.len() - errors, errors == 1));
        let whole = read.iter().flatten().filter(|request| !matches!(request.rop, RopRequest::Release(_))).count();
        let answers = buffer(&out).responses(buffer(&bytes).requests(), |_| None);
        prop_assert!(answers.take(whole).all(|pair| pair.is_ok_and(|pair| pair.request.is_some())));
    }

    /// Each response is read beside its request, and writes the bytes that were read.
    #[test]
    fn any_exchange_survives(exchange in exchange()) {
        let (mut input, mut output) = (Vec::new(), Vec::new());
        for (requests, response) in &exchange {
            requests.iter().for_each(|request| input.extend_from_slice(&encode_to_bytes(request).unwrap()));
            output.extend_from_slice(response.as_deref().unwrap_or_default());
        }
        let (input, output) = (framed(&input), framed(&output));
        let mut pairs = buffer(&output).responses(buffer(&input).requests(), |_| None);
        for (requests, response) in exchange.iter().filter(|(_, response)| response.is_some()) {
            let pair = pairs.next().unwrap().unwrap();
            prop_assert_eq!(pair.request, requests.first().copied());
            prop_assert_eq!(Some(encoded_again(&pair.response)), response.clone());
        }
        prop_assert!(pairs.next().is_none());
    }

    /// Damage anywhere in an answer keeps the responses before it.
    #[test]
    fn damaged_responses_keep_those_before(
        exchange in exchange(),
        at in any::<prop::sample::Index>(),
        change in proptest::option::of(1_u8..),
    ) {
        let (mut input, mut output, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (requests, response) in &exchange {
            requests.iter().for_each(|request| input.extend_from_slice(&encode_to_bytes(request).unwrap()));
            if let Some(response) = response {
                output.extend_from_slice(response);
                ends.push((output.len(), response.clone()));
            }
        }
        prop_assume!(!output.is_empty());
        let at = at.index(output.len());
        damage(&mut output, at, change);
        let (input, output) = (framed(&input), framed(&output));
        let mut pairs = buffer(&output).responses(buffer(&input).requests(), |_| None);
        for (_, response) in ends.iter().filter(|(end, _)| *end <= at) {
            prop_assert_eq!(&encoded_again(&pairs.next().unwrap().unwrap().response), response);
        }
        let left: Vec<_> = pairs.collect();
        prop_assert!(left.iter().rev().skip(1).all(Result::is_ok));
    }
}
