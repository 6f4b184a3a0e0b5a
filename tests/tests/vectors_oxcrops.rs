//! The ROPs against `vectors/ms-oxcrops`.

use oxwire::core::{Guid, Reader, Utf16, encode_to_bytes, utf16_le_bytes};
use oxwire::mapi::property::{
    ErrorCode, FolderId, MessageId, PropertyTag, PropertyTags, PropertyType, PropertyValue, SortOrder, SortOrders,
};
use oxwire::mapi::rop::*;
use oxwire_tests::vector;
use oxwire_tests::vectors::Vector;

const fn fid(counter: u64) -> FolderId {
    FolderId::from_counter(1, counter)
}

const fn mid(counter: u64) -> MessageId {
    MessageId::from_counter(1, counter)
}

fn folders() -> FolderIds {
    FolderIds(std::array::from_fn(|index| fid(index as u64 + 1)))
}

fn guid(first: u8) -> Guid {
    Guid::from_wire(std::array::from_fn(|index| first + index as u8))
}

vector!(
    release,
    ReleaseRequest,
    "ms-oxcrops/release_request.hex",
    ReleaseRequest { logon_id: 0, input_handle_index: 2 }
);
vector!(logon_request, LogonRequest<'_>, "ms-oxcrops/logon_request.hex", LogonRequest::private(5, 0, "/o=x"));
vector!(
    logon_private,
    LogonResponse<'_>,
    "ms-oxcrops/logon_private.hex",
    LogonResponse::Private(PrivateLogonResponse {
        output_handle_index: 0,
        logon_flags: LogonFlags::PRIVATE,
        folder_ids: folders(),
        response_flags: ResponseFlags::RESERVED.with(ResponseFlags::OWNER_RIGHT).with(ResponseFlags::SEND_AS_RIGHT),
        mailbox_guid: guid(0),
        repl_id: 1,
        repl_guid: guid(16),
        logon_time: LogonTime { seconds: 59, minutes: 30, hour: 23, day_of_week: 5, day: 31, month: 12, year: 2026 },
        gwart_time: 0x0807_0605_0403_0201,
        store_state: 0,
    })
);
vector!(
    logon_public,
    LogonResponse<'_>,
    "ms-oxcrops/logon_public.hex",
    LogonResponse::Public(PublicLogonResponse {
        output_handle_index: 0,
        logon_flags: LogonFlags::default(),
        folder_ids: folders(),
        repl_id: 1,
        repl_guid: guid(16),
        per_user_guid: Guid::NIL,
    })
);
vector!(
    logon_redirect,
    LogonResponse<'_>,
    "ms-oxcrops/logon_redirect.hex",
    LogonResponse::Redirect(LogonRedirectResponse {
        output_handle_index: 0,
        logon_flags: LogonFlags::PRIVATE,
        server_name: b"/cn=",
    })
);
vector!(
    failure,
    FailureResponse,
    "ms-oxcrops/failure.hex",
    FailureResponse { rop_id: RopId::LOGON, handle_index: 3, return_value: ErrorCode::LOGON_FAILED }
);
vector!(
    open_folder_request,
    OpenFolderRequest,
    "ms-oxcrops/open_folder_request.hex",
    OpenFolderRequest {
        logon_id: 0,
        input_handle_index: 0,
        output_handle_index: 1,
        folder_id: fid(5),
        open_mode_flags: OpenModeFlags::OPEN_SOFT_DELETED,
    }
);
vector!(
    open_folder_response,
    OpenFolderResponse<'_>,
    "ms-oxcrops/open_folder_response.hex",
    OpenFolderResponse { output_handle_index: 1, has_rules: true, ghosted: None }
);
vector!(
    open_folder_ghosted,
    OpenFolderResponse<'_>,
    "ms-oxcrops/open_folder_ghosted.hex",
    OpenFolderResponse { output_handle_index: 1, has_rules: false, ghosted: GhostedServers::from_wire(b"a\0bc\0", 1) }
);
vector!(
    get_hierarchy_table_request,
    GetHierarchyTableRequest,
    "ms-oxcrops/get_hierarchy_table_request.hex",
    GetHierarchyTableRequest {
        logon_id: 0,
        input_handle_index: 1,
        output_handle_index: 2,
        table_flags: HierarchyTableFlags::DEPTH.with(HierarchyTableFlags::USE_UNICODE),
    }
);
vector!(
    get_hierarchy_table_response,
    GetHierarchyTableResponse,
    "ms-oxcrops/get_hierarchy_table_response.hex",
    GetHierarchyTableResponse { output_handle_index: 2, row_count: 13 }
);
vector!(
    get_contents_table_request,
    GetContentsTableRequest,
    "ms-oxcrops/get_contents_table_request.hex",
    GetContentsTableRequest {
        logon_id: 0,
        input_handle_index: 1,
        output_handle_index: 2,
        table_flags: ContentsTableFlags::ASSOCIATED,
    }
);
vector!(
    get_contents_table_response,
    GetContentsTableResponse,
    "ms-oxcrops/get_contents_table_response.hex",
    GetContentsTableResponse { output_handle_index: 2, row_count: 0x0100_000D }
);
vector!(
    set_columns_request,
    SetColumnsRequest<'_>,
    "ms-oxcrops/set_columns_request.hex",
    SetColumnsRequest {
        logon_id: 0,
        input_handle_index: 1,
        set_columns_flags: AsynchronousFlags::SYNCHRONOUS,
        property_tags: PropertyTags::new(&[PropertyTag::DISPLAY_NAME, PropertyTag::CONTENT_COUNT]),
    }
);
vector!(
    set_columns_response,
    SetColumnsResponse,
    "ms-oxcrops/set_columns_response.hex",
    SetColumnsResponse { input_handle_index: 1, table_status: TableStatus::COMPLETE }
);
vector!(
    sort_table_request,
    SortTableRequest<'_>,
    "ms-oxcrops/sort_table_request.hex",
    SortTableRequest {
        logon_id: 0,
        input_handle_index: 0,
        sort_table_flags: AsynchronousFlags::SYNCHRONOUS,
        category_count: 1,
        expanded_count: 1,
        sort_orders: SortOrders::new(&[
            SortOrder::ascending(PropertyTag(0x8008_301F)),
            SortOrder::descending(PropertyTag::MESSAGE_DELIVERY_TIME),
        ]),
    }
);
vector!(
    sort_table_response,
    SortTableResponse,
    "ms-oxcrops/sort_table_response.hex",
    SortTableResponse { input_handle_index: 1, table_status: TableStatus::COMPLETE }
);
vector!(
    query_rows_request,
    QueryRowsRequest,
    "ms-oxcrops/query_rows_request.hex",
    QueryRowsRequest {
        logon_id: 0,
        input_handle_index: 1,
        query_rows_flags: QueryRowsFlags::ADVANCE,
        forward_read: true,
        row_count: 50,
    }
);
vector!(
    get_properties_specific_request,
    GetPropertiesSpecificRequest<'_>,
    "ms-oxcrops/get_properties_specific_request.hex",
    GetPropertiesSpecificRequest {
        logon_id: 0,
        input_handle_index: 1,
        property_size_limit: 0,
        want_unicode: true,
        property_tags: PropertyTags::new(&[PropertyTag::DISPLAY_NAME]),
    }
);
vector!(
    register_notification_store,
    RegisterNotificationRequest,
    "ms-oxcrops/register_notification_store.hex",
    RegisterNotificationRequest {
        logon_id: 0,
        input_handle_index: 0,
        output_handle_index: 1,
        notification_types: NotificationTypes::NEW_MAIL.with(NotificationTypes::OBJECT_CREATED),
        scope: NotificationScope::WholeStore,
    }
);
vector!(
    register_notification_folder,
    RegisterNotificationRequest,
    "ms-oxcrops/register_notification_folder.hex",
    RegisterNotificationRequest {
        logon_id: 0,
        input_handle_index: 0,
        output_handle_index: 1,
        notification_types: NotificationTypes::NEW_MAIL.with(NotificationTypes::EXTENDED),
        scope: NotificationScope::Object { folder_id: fid(5), message_id: MessageId::default() },
    }
);
vector!(
    register_notification_response,
    RegisterNotificationResponse,
    "ms-oxcrops/register_notification_response.hex",
    RegisterNotificationResponse { output_handle_index: 1 }
);

const fn notify(notification_data: NotificationData<'_>) -> NotifyResponse<'_> {
    NotifyResponse { notification_handle: Handle(7), logon_id: 0, notification_data }
}

vector!(
    notify_new_mail,
    NotifyResponse<'_>,
    "ms-oxcrops/notify_new_mail.hex",
    notify(NotificationData::new_mail(
        fid(5),
        mid(0x63),
        4,
        MessageClass::Unicode(Utf16::new(&utf16_le_bytes("IPM")).unwrap())
    ))
);
vector!(
    notify_row_modified,
    NotifyResponse<'_>,
    "ms-oxcrops/notify_row_modified.hex",
    notify(NotificationData {
        flags: NotificationTypes::TABLE_MODIFIED.with(NotificationTypes::MESSAGE),
        table_event_type: Some(TableEventType::ROW_MODIFIED),
        table_row: Some(TableRow { folder_id: fid(5), message: Some((mid(0x63), 1)) }),
        insert_after: Some(TableRow { folder_id: fid(5), message: Some((mid(0x62), 2)) }),
        table_row_data: Some(&[0, 42, 0]),
        ..Default::default()
    })
);
vector!(
    notify_folder_moved,
    NotifyResponse<'_>,
    "ms-oxcrops/notify_folder_moved.hex",
    notify(NotificationData {
        flags: NotificationTypes::OBJECT_MOVED,
        folder_id: Some(fid(5)),
        parent_folder_id: Some(fid(6)),
        old_folder_id: Some(fid(7)),
        old_parent_folder_id: Some(fid(8)),
        ..Default::default()
    })
);
vector!(
    notify_folder_modified,
    NotifyResponse<'_>,
    "ms-oxcrops/notify_folder_modified.hex",
    notify(NotificationData {
        tag_count: Some(1),
        tags: PropertyTags::new(&[PropertyTag::CONTENT_COUNT]),
        ..NotificationData::folder_modified(fid(5), Some(10), Some(2))
    })
);
vector!(pending, PendingResponse, "ms-oxcrops/pending.hex", PendingResponse { session_index: 0x1234 });
vector!(
    buffer_too_small,
    BufferTooSmallResponse<'_>,
    "ms-oxcrops/buffer_too_small.hex",
    BufferTooSmallResponse { size_needed: 0x7FFF, request_buffers: &[1, 0, 2] }
);
vector!(
    backoff,
    BackoffResponse<'_>,
    "ms-oxcrops/backoff.hex",
    BackoffResponse {
        logon_id: 0,
        duration_ms: 1000,
        rops: BackoffRops::from_wire(&[[0x15, 0xD0, 0x07, 0, 0]]),
        additional_data: &[0xAA, 0xBB],
    }
);

/// [MS-OXORULE] 4.2.2, the published response. The excerpt at hand does not name the columns: the types here have the widths
/// that the bytes show, the last one is the rule's name.
#[test]
fn query_rows_response() {
    let vector = Vector::load("ms-oxcrops/query_rows_response.hex");
    let name = PropertyTag::new(0x6682, PropertyType::STRING);
    let columns = [
        PropertyTag::new(0x6674, PropertyType::INTEGER64),
        PropertyTag::new(0x6675, PropertyType::INTEGER16),
        PropertyTag::new(0x6676, PropertyType::INTEGER32),
        PropertyTag::new(0x6677, PropertyType::INTEGER32),
        PropertyTag::new(0x6678, PropertyType::FLOATING64),
        name,
    ];
    let mut r = Reader::new(&vector.bytes);
    let response = QueryRowsResponse::decode(&mut r, Some(PropertyTags::new(&columns))).unwrap();
    assert!(r.is_empty());
    assert_eq!(response.origin, Bookmark::END);
    assert_eq!(encode_to_bytes(&response).unwrap(), vector.bytes);
    let rows: Vec<_> = response.rows.map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    let Some(PropertyValue::String(text)) = rows[0].cell(name).unwrap().unwrap().value() else { panic!() };
    assert_eq!(text.to_string(), "Project X");
    for len in 0..vector.bytes.len() {
        let mut r = Reader::new(&vector.bytes[..len]);
        assert!(QueryRowsResponse::decode(&mut r, Some(PropertyTags::new(&columns))).is_err());
    }
}
