// This file is made by the test of this crate.
use crate::schema::{Enum, Field, Kind, Message, Method};
pub static KEY_VALUE: Message = Message {
    name: "mvccpb.KeyValue",
    fields: &[
        Field { name: "key", json_name: "key", number: 1, kind: Kind::Bytes, repeated: false },
        Field { name: "create_revision", json_name: "createRevision", number: 2, kind: Kind::Int64, repeated: false },
        Field { name: "mod_revision", json_name: "modRevision", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "version", json_name: "version", number: 4, kind: Kind::Int64, repeated: false },
        Field { name: "value", json_name: "value", number: 5, kind: Kind::Bytes, repeated: false },
        Field { name: "lease", json_name: "lease", number: 6, kind: Kind::Int64, repeated: false },
    ],
};
pub static EVENT_EVENT_TYPE: Enum = Enum { name: "mvccpb.Event.EventType", values: &[("PUT", 0), ("DELETE", 1)] };
pub static EVENT: Message = Message {
    name: "mvccpb.Event",
    fields: &[
        Field { name: "type", json_name: "type", number: 1, kind: Kind::Enum(&EVENT_EVENT_TYPE), repeated: false },
        Field { name: "kv", json_name: "kv", number: 2, kind: Kind::Message(&KEY_VALUE), repeated: false },
        Field { name: "prev_kv", json_name: "prevKv", number: 3, kind: Kind::Message(&KEY_VALUE), repeated: false },
    ],
};
pub static AUTHPB_USER_ADD_OPTIONS: Message = Message {
    name: "authpb.UserAddOptions",
    fields: &[
        Field { name: "no_password", json_name: "noPassword", number: 1, kind: Kind::Bool, repeated: false },
    ],
};
pub static AUTHPB_USER: Message = Message {
    name: "authpb.User",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::Bytes, repeated: false },
        Field { name: "password", json_name: "password", number: 2, kind: Kind::Bytes, repeated: false },
        Field { name: "roles", json_name: "roles", number: 3, kind: Kind::String, repeated: true },
        Field { name: "options", json_name: "options", number: 4, kind: Kind::Message(&AUTHPB_USER_ADD_OPTIONS), repeated: false },
    ],
};
pub static AUTHPB_PERMISSION_TYPE: Enum = Enum { name: "authpb.Permission.Type", values: &[("READ", 0), ("WRITE", 1), ("READWRITE", 2)] };
pub static AUTHPB_PERMISSION: Message = Message {
    name: "authpb.Permission",
    fields: &[
        Field { name: "permType", json_name: "permType", number: 1, kind: Kind::Enum(&AUTHPB_PERMISSION_TYPE), repeated: false },
        Field { name: "key", json_name: "key", number: 2, kind: Kind::Bytes, repeated: false },
        Field { name: "range_end", json_name: "rangeEnd", number: 3, kind: Kind::Bytes, repeated: false },
    ],
};
pub static AUTHPB_ROLE: Message = Message {
    name: "authpb.Role",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::Bytes, repeated: false },
        Field { name: "keyPermission", json_name: "keyPermission", number: 2, kind: Kind::Message(&AUTHPB_PERMISSION), repeated: true },
    ],
};
pub static RESPONSE_HEADER: Message = Message {
    name: "etcdserverpb.ResponseHeader",
    fields: &[
        Field { name: "cluster_id", json_name: "clusterId", number: 1, kind: Kind::Uint64, repeated: false },
        Field { name: "member_id", json_name: "memberId", number: 2, kind: Kind::Uint64, repeated: false },
        Field { name: "revision", json_name: "revision", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "raft_term", json_name: "raftTerm", number: 4, kind: Kind::Uint64, repeated: false },
    ],
};
pub static RANGE_REQUEST_SORT_ORDER: Enum = Enum { name: "etcdserverpb.RangeRequest.SortOrder", values: &[("NONE", 0), ("ASCEND", 1), ("DESCEND", 2)] };
pub static RANGE_REQUEST_SORT_TARGET: Enum = Enum { name: "etcdserverpb.RangeRequest.SortTarget", values: &[("KEY", 0), ("VERSION", 1), ("CREATE", 2), ("MOD", 3), ("VALUE", 4)] };
pub static RANGE_REQUEST: Message = Message {
    name: "etcdserverpb.RangeRequest",
    fields: &[
        Field { name: "key", json_name: "key", number: 1, kind: Kind::Bytes, repeated: false },
        Field { name: "range_end", json_name: "rangeEnd", number: 2, kind: Kind::Bytes, repeated: false },
        Field { name: "limit", json_name: "limit", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "revision", json_name: "revision", number: 4, kind: Kind::Int64, repeated: false },
        Field { name: "sort_order", json_name: "sortOrder", number: 5, kind: Kind::Enum(&RANGE_REQUEST_SORT_ORDER), repeated: false },
        Field { name: "sort_target", json_name: "sortTarget", number: 6, kind: Kind::Enum(&RANGE_REQUEST_SORT_TARGET), repeated: false },
        Field { name: "serializable", json_name: "serializable", number: 7, kind: Kind::Bool, repeated: false },
        Field { name: "keys_only", json_name: "keysOnly", number: 8, kind: Kind::Bool, repeated: false },
        Field { name: "count_only", json_name: "countOnly", number: 9, kind: Kind::Bool, repeated: false },
        Field { name: "min_mod_revision", json_name: "minModRevision", number: 10, kind: Kind::Int64, repeated: false },
        Field { name: "max_mod_revision", json_name: "maxModRevision", number: 11, kind: Kind::Int64, repeated: false },
        Field { name: "min_create_revision", json_name: "minCreateRevision", number: 12, kind: Kind::Int64, repeated: false },
        Field { name: "max_create_revision", json_name: "maxCreateRevision", number: 13, kind: Kind::Int64, repeated: false },
    ],
};
pub static RANGE_RESPONSE: Message = Message {
    name: "etcdserverpb.RangeResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "kvs", json_name: "kvs", number: 2, kind: Kind::Message(&KEY_VALUE), repeated: true },
        Field { name: "more", json_name: "more", number: 3, kind: Kind::Bool, repeated: false },
        Field { name: "count", json_name: "count", number: 4, kind: Kind::Int64, repeated: false },
    ],
};
pub static PUT_REQUEST: Message = Message {
    name: "etcdserverpb.PutRequest",
    fields: &[
        Field { name: "key", json_name: "key", number: 1, kind: Kind::Bytes, repeated: false },
        Field { name: "value", json_name: "value", number: 2, kind: Kind::Bytes, repeated: false },
        Field { name: "lease", json_name: "lease", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "prev_kv", json_name: "prevKv", number: 4, kind: Kind::Bool, repeated: false },
        Field { name: "ignore_value", json_name: "ignoreValue", number: 5, kind: Kind::Bool, repeated: false },
        Field { name: "ignore_lease", json_name: "ignoreLease", number: 6, kind: Kind::Bool, repeated: false },
    ],
};
pub static PUT_RESPONSE: Message = Message {
    name: "etcdserverpb.PutResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "prev_kv", json_name: "prevKv", number: 2, kind: Kind::Message(&KEY_VALUE), repeated: false },
    ],
};
pub static DELETE_RANGE_REQUEST: Message = Message {
    name: "etcdserverpb.DeleteRangeRequest",
    fields: &[
        Field { name: "key", json_name: "key", number: 1, kind: Kind::Bytes, repeated: false },
        Field { name: "range_end", json_name: "rangeEnd", number: 2, kind: Kind::Bytes, repeated: false },
        Field { name: "prev_kv", json_name: "prevKv", number: 3, kind: Kind::Bool, repeated: false },
    ],
};
pub static DELETE_RANGE_RESPONSE: Message = Message {
    name: "etcdserverpb.DeleteRangeResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "deleted", json_name: "deleted", number: 2, kind: Kind::Int64, repeated: false },
        Field { name: "prev_kvs", json_name: "prevKvs", number: 3, kind: Kind::Message(&KEY_VALUE), repeated: true },
    ],
};
pub static REQUEST_OP: Message = Message {
    name: "etcdserverpb.RequestOp",
    fields: &[
        Field { name: "request_range", json_name: "requestRange", number: 1, kind: Kind::Message(&RANGE_REQUEST), repeated: false },
        Field { name: "request_put", json_name: "requestPut", number: 2, kind: Kind::Message(&PUT_REQUEST), repeated: false },
        Field { name: "request_delete_range", json_name: "requestDeleteRange", number: 3, kind: Kind::Message(&DELETE_RANGE_REQUEST), repeated: false },
        Field { name: "request_txn", json_name: "requestTxn", number: 4, kind: Kind::Message(&TXN_REQUEST), repeated: false },
    ],
};
pub static RESPONSE_OP: Message = Message {
    name: "etcdserverpb.ResponseOp",
    fields: &[
        Field { name: "response_range", json_name: "responseRange", number: 1, kind: Kind::Message(&RANGE_RESPONSE), repeated: false },
        Field { name: "response_put", json_name: "responsePut", number: 2, kind: Kind::Message(&PUT_RESPONSE), repeated: false },
        Field { name: "response_delete_range", json_name: "responseDeleteRange", number: 3, kind: Kind::Message(&DELETE_RANGE_RESPONSE), repeated: false },
        Field { name: "response_txn", json_name: "responseTxn", number: 4, kind: Kind::Message(&TXN_RESPONSE), repeated: false },
    ],
};
pub static COMPARE_COMPARE_RESULT: Enum = Enum { name: "etcdserverpb.Compare.CompareResult", values: &[("EQUAL", 0), ("GREATER", 1), ("LESS", 2), ("NOT_EQUAL", 3)] };
pub static COMPARE_COMPARE_TARGET: Enum = Enum { name: "etcdserverpb.Compare.CompareTarget", values: &[("VERSION", 0), ("CREATE", 1), ("MOD", 2), ("VALUE", 3), ("LEASE", 4)] };
pub static COMPARE: Message = Message {
    name: "etcdserverpb.Compare",
    fields: &[
        Field { name: "result", json_name: "result", number: 1, kind: Kind::Enum(&COMPARE_COMPARE_RESULT), repeated: false },
        Field { name: "target", json_name: "target", number: 2, kind: Kind::Enum(&COMPARE_COMPARE_TARGET), repeated: false },
        Field { name: "key", json_name: "key", number: 3, kind: Kind::Bytes, repeated: false },
        Field { name: "version", json_name: "version", number: 4, kind: Kind::Int64, repeated: false },
        Field { name: "create_revision", json_name: "createRevision", number: 5, kind: Kind::Int64, repeated: false },
        Field { name: "mod_revision", json_name: "modRevision", number: 6, kind: Kind::Int64, repeated: false },
        Field { name: "value", json_name: "value", number: 7, kind: Kind::Bytes, repeated: false },
        Field { name: "lease", json_name: "lease", number: 8, kind: Kind::Int64, repeated: false },
        Field { name: "range_end", json_name: "rangeEnd", number: 64, kind: Kind::Bytes, repeated: false },
    ],
};
pub static TXN_REQUEST: Message = Message {
    name: "etcdserverpb.TxnRequest",
    fields: &[
        Field { name: "compare", json_name: "compare", number: 1, kind: Kind::Message(&COMPARE), repeated: true },
        Field { name: "success", json_name: "success", number: 2, kind: Kind::Message(&REQUEST_OP), repeated: true },
        Field { name: "failure", json_name: "failure", number: 3, kind: Kind::Message(&REQUEST_OP), repeated: true },
    ],
};
pub static TXN_RESPONSE: Message = Message {
    name: "etcdserverpb.TxnResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "succeeded", json_name: "succeeded", number: 2, kind: Kind::Bool, repeated: false },
        Field { name: "responses", json_name: "responses", number: 3, kind: Kind::Message(&RESPONSE_OP), repeated: true },
    ],
};
pub static COMPACTION_REQUEST: Message = Message {
    name: "etcdserverpb.CompactionRequest",
    fields: &[
        Field { name: "revision", json_name: "revision", number: 1, kind: Kind::Int64, repeated: false },
        Field { name: "physical", json_name: "physical", number: 2, kind: Kind::Bool, repeated: false },
    ],
};
pub static COMPACTION_RESPONSE: Message = Message {
    name: "etcdserverpb.CompactionResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static WATCH_REQUEST: Message = Message {
    name: "etcdserverpb.WatchRequest",
    fields: &[
        Field { name: "create_request", json_name: "createRequest", number: 1, kind: Kind::Message(&WATCH_CREATE_REQUEST), repeated: false },
        Field { name: "cancel_request", json_name: "cancelRequest", number: 2, kind: Kind::Message(&WATCH_CANCEL_REQUEST), repeated: false },
        Field { name: "progress_request", json_name: "progressRequest", number: 3, kind: Kind::Message(&WATCH_PROGRESS_REQUEST), repeated: false },
    ],
};
pub static WATCH_CREATE_REQUEST_FILTER_TYPE: Enum = Enum { name: "etcdserverpb.WatchCreateRequest.FilterType", values: &[("NOPUT", 0), ("NODELETE", 1)] };
pub static WATCH_CREATE_REQUEST: Message = Message {
    name: "etcdserverpb.WatchCreateRequest",
    fields: &[
        Field { name: "key", json_name: "key", number: 1, kind: Kind::Bytes, repeated: false },
        Field { name: "range_end", json_name: "rangeEnd", number: 2, kind: Kind::Bytes, repeated: false },
        Field { name: "start_revision", json_name: "startRevision", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "progress_notify", json_name: "progressNotify", number: 4, kind: Kind::Bool, repeated: false },
        Field { name: "filters", json_name: "filters", number: 5, kind: Kind::Enum(&WATCH_CREATE_REQUEST_FILTER_TYPE), repeated: true },
        Field { name: "prev_kv", json_name: "prevKv", number: 6, kind: Kind::Bool, repeated: false },
        Field { name: "watch_id", json_name: "watchId", number: 7, kind: Kind::Int64, repeated: false },
        Field { name: "fragment", json_name: "fragment", number: 8, kind: Kind::Bool, repeated: false },
    ],
};
pub static WATCH_CANCEL_REQUEST: Message = Message {
    name: "etcdserverpb.WatchCancelRequest",
    fields: &[
        Field { name: "watch_id", json_name: "watchId", number: 1, kind: Kind::Int64, repeated: false },
    ],
};
pub static WATCH_PROGRESS_REQUEST: Message = Message {
    name: "etcdserverpb.WatchProgressRequest",
    fields: &[
    ],
};
pub static WATCH_RESPONSE: Message = Message {
    name: "etcdserverpb.WatchResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "watch_id", json_name: "watchId", number: 2, kind: Kind::Int64, repeated: false },
        Field { name: "created", json_name: "created", number: 3, kind: Kind::Bool, repeated: false },
        Field { name: "canceled", json_name: "canceled", number: 4, kind: Kind::Bool, repeated: false },
        Field { name: "compact_revision", json_name: "compactRevision", number: 5, kind: Kind::Int64, repeated: false },
        Field { name: "cancel_reason", json_name: "cancelReason", number: 6, kind: Kind::String, repeated: false },
        Field { name: "fragment", json_name: "fragment", number: 7, kind: Kind::Bool, repeated: false },
        Field { name: "events", json_name: "events", number: 11, kind: Kind::Message(&EVENT), repeated: true },
    ],
};
pub static LEASE_GRANT_REQUEST: Message = Message {
    name: "etcdserverpb.LeaseGrantRequest",
    fields: &[
        Field { name: "TTL", json_name: "TTL", number: 1, kind: Kind::Int64, repeated: false },
        Field { name: "ID", json_name: "ID", number: 2, kind: Kind::Int64, repeated: false },
    ],
};
pub static LEASE_GRANT_RESPONSE: Message = Message {
    name: "etcdserverpb.LeaseGrantResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "ID", json_name: "ID", number: 2, kind: Kind::Int64, repeated: false },
        Field { name: "TTL", json_name: "TTL", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "error", json_name: "error", number: 4, kind: Kind::String, repeated: false },
    ],
};
pub static LEASE_REVOKE_REQUEST: Message = Message {
    name: "etcdserverpb.LeaseRevokeRequest",
    fields: &[
        Field { name: "ID", json_name: "ID", number: 1, kind: Kind::Int64, repeated: false },
    ],
};
pub static LEASE_REVOKE_RESPONSE: Message = Message {
    name: "etcdserverpb.LeaseRevokeResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static LEASE_KEEP_ALIVE_REQUEST: Message = Message {
    name: "etcdserverpb.LeaseKeepAliveRequest",
    fields: &[
        Field { name: "ID", json_name: "ID", number: 1, kind: Kind::Int64, repeated: false },
    ],
};
pub static LEASE_KEEP_ALIVE_RESPONSE: Message = Message {
    name: "etcdserverpb.LeaseKeepAliveResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "ID", json_name: "ID", number: 2, kind: Kind::Int64, repeated: false },
        Field { name: "TTL", json_name: "TTL", number: 3, kind: Kind::Int64, repeated: false },
    ],
};
pub static LEASE_TIME_TO_LIVE_REQUEST: Message = Message {
    name: "etcdserverpb.LeaseTimeToLiveRequest",
    fields: &[
        Field { name: "ID", json_name: "ID", number: 1, kind: Kind::Int64, repeated: false },
        Field { name: "keys", json_name: "keys", number: 2, kind: Kind::Bool, repeated: false },
    ],
};
pub static LEASE_TIME_TO_LIVE_RESPONSE: Message = Message {
    name: "etcdserverpb.LeaseTimeToLiveResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "ID", json_name: "ID", number: 2, kind: Kind::Int64, repeated: false },
        Field { name: "TTL", json_name: "TTL", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "grantedTTL", json_name: "grantedTTL", number: 4, kind: Kind::Int64, repeated: false },
        Field { name: "keys", json_name: "keys", number: 5, kind: Kind::Bytes, repeated: true },
    ],
};
pub static LEASE_LEASES_REQUEST: Message = Message {
    name: "etcdserverpb.LeaseLeasesRequest",
    fields: &[
    ],
};
pub static LEASE_STATUS: Message = Message {
    name: "etcdserverpb.LeaseStatus",
    fields: &[
        Field { name: "ID", json_name: "ID", number: 1, kind: Kind::Int64, repeated: false },
    ],
};
pub static LEASE_LEASES_RESPONSE: Message = Message {
    name: "etcdserverpb.LeaseLeasesResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "leases", json_name: "leases", number: 2, kind: Kind::Message(&LEASE_STATUS), repeated: true },
    ],
};
pub static MEMBER: Message = Message {
    name: "etcdserverpb.Member",
    fields: &[
        Field { name: "ID", json_name: "ID", number: 1, kind: Kind::Uint64, repeated: false },
        Field { name: "name", json_name: "name", number: 2, kind: Kind::String, repeated: false },
        Field { name: "peerURLs", json_name: "peerURLs", number: 3, kind: Kind::String, repeated: true },
        Field { name: "clientURLs", json_name: "clientURLs", number: 4, kind: Kind::String, repeated: true },
        Field { name: "isLearner", json_name: "isLearner", number: 5, kind: Kind::Bool, repeated: false },
    ],
};
pub static MEMBER_ADD_REQUEST: Message = Message {
    name: "etcdserverpb.MemberAddRequest",
    fields: &[
        Field { name: "peerURLs", json_name: "peerURLs", number: 1, kind: Kind::String, repeated: true },
        Field { name: "isLearner", json_name: "isLearner", number: 2, kind: Kind::Bool, repeated: false },
    ],
};
pub static MEMBER_ADD_RESPONSE: Message = Message {
    name: "etcdserverpb.MemberAddResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "member", json_name: "member", number: 2, kind: Kind::Message(&MEMBER), repeated: false },
        Field { name: "members", json_name: "members", number: 3, kind: Kind::Message(&MEMBER), repeated: true },
    ],
};
pub static MEMBER_REMOVE_REQUEST: Message = Message {
    name: "etcdserverpb.MemberRemoveRequest",
    fields: &[
        Field { name: "ID", json_name: "ID", number: 1, kind: Kind::Uint64, repeated: false },
    ],
};
pub static MEMBER_REMOVE_RESPONSE: Message = Message {
    name: "etcdserverpb.MemberRemoveResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "members", json_name: "members", number: 2, kind: Kind::Message(&MEMBER), repeated: true },
    ],
};
pub static MEMBER_UPDATE_REQUEST: Message = Message {
    name: "etcdserverpb.MemberUpdateRequest",
    fields: &[
        Field { name: "ID", json_name: "ID", number: 1, kind: Kind::Uint64, repeated: false },
        Field { name: "peerURLs", json_name: "peerURLs", number: 2, kind: Kind::String, repeated: true },
    ],
};
pub static MEMBER_UPDATE_RESPONSE: Message = Message {
    name: "etcdserverpb.MemberUpdateResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "members", json_name: "members", number: 2, kind: Kind::Message(&MEMBER), repeated: true },
    ],
};
pub static MEMBER_LIST_REQUEST: Message = Message {
    name: "etcdserverpb.MemberListRequest",
    fields: &[
        Field { name: "linearizable", json_name: "linearizable", number: 1, kind: Kind::Bool, repeated: false },
    ],
};
pub static MEMBER_LIST_RESPONSE: Message = Message {
    name: "etcdserverpb.MemberListResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "members", json_name: "members", number: 2, kind: Kind::Message(&MEMBER), repeated: true },
    ],
};
pub static MEMBER_PROMOTE_REQUEST: Message = Message {
    name: "etcdserverpb.MemberPromoteRequest",
    fields: &[
        Field { name: "ID", json_name: "ID", number: 1, kind: Kind::Uint64, repeated: false },
    ],
};
pub static MEMBER_PROMOTE_RESPONSE: Message = Message {
    name: "etcdserverpb.MemberPromoteResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "members", json_name: "members", number: 2, kind: Kind::Message(&MEMBER), repeated: true },
    ],
};
pub static ALARM_REQUEST_ALARM_ACTION: Enum = Enum { name: "etcdserverpb.AlarmRequest.AlarmAction", values: &[("GET", 0), ("ACTIVATE", 1), ("DEACTIVATE", 2)] };
pub static ALARM_REQUEST: Message = Message {
    name: "etcdserverpb.AlarmRequest",
    fields: &[
        Field { name: "action", json_name: "action", number: 1, kind: Kind::Enum(&ALARM_REQUEST_ALARM_ACTION), repeated: false },
        Field { name: "memberID", json_name: "memberID", number: 2, kind: Kind::Uint64, repeated: false },
        Field { name: "alarm", json_name: "alarm", number: 3, kind: Kind::Enum(&ALARM_TYPE), repeated: false },
    ],
};
pub static ALARM_MEMBER: Message = Message {
    name: "etcdserverpb.AlarmMember",
    fields: &[
        Field { name: "memberID", json_name: "memberID", number: 1, kind: Kind::Uint64, repeated: false },
        Field { name: "alarm", json_name: "alarm", number: 2, kind: Kind::Enum(&ALARM_TYPE), repeated: false },
    ],
};
pub static ALARM_RESPONSE: Message = Message {
    name: "etcdserverpb.AlarmResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "alarms", json_name: "alarms", number: 2, kind: Kind::Message(&ALARM_MEMBER), repeated: true },
    ],
};
pub static STATUS_REQUEST: Message = Message {
    name: "etcdserverpb.StatusRequest",
    fields: &[
    ],
};
pub static DOWNGRADE_INFO: Message = Message {
    name: "etcdserverpb.DowngradeInfo",
    fields: &[
        Field { name: "enabled", json_name: "enabled", number: 1, kind: Kind::Bool, repeated: false },
        Field { name: "targetVersion", json_name: "targetVersion", number: 2, kind: Kind::String, repeated: false },
    ],
};
pub static STATUS_RESPONSE: Message = Message {
    name: "etcdserverpb.StatusResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "version", json_name: "version", number: 2, kind: Kind::String, repeated: false },
        Field { name: "dbSize", json_name: "dbSize", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "leader", json_name: "leader", number: 4, kind: Kind::Uint64, repeated: false },
        Field { name: "raftIndex", json_name: "raftIndex", number: 5, kind: Kind::Uint64, repeated: false },
        Field { name: "raftTerm", json_name: "raftTerm", number: 6, kind: Kind::Uint64, repeated: false },
        Field { name: "raftAppliedIndex", json_name: "raftAppliedIndex", number: 7, kind: Kind::Uint64, repeated: false },
        Field { name: "errors", json_name: "errors", number: 8, kind: Kind::String, repeated: true },
        Field { name: "dbSizeInUse", json_name: "dbSizeInUse", number: 9, kind: Kind::Int64, repeated: false },
        Field { name: "isLearner", json_name: "isLearner", number: 10, kind: Kind::Bool, repeated: false },
        Field { name: "storageVersion", json_name: "storageVersion", number: 11, kind: Kind::String, repeated: false },
        Field { name: "dbSizeQuota", json_name: "dbSizeQuota", number: 12, kind: Kind::Int64, repeated: false },
        Field { name: "downgradeInfo", json_name: "downgradeInfo", number: 13, kind: Kind::Message(&DOWNGRADE_INFO), repeated: false },
    ],
};
pub static DEFRAGMENT_REQUEST: Message = Message {
    name: "etcdserverpb.DefragmentRequest",
    fields: &[
    ],
};
pub static DEFRAGMENT_RESPONSE: Message = Message {
    name: "etcdserverpb.DefragmentResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static HASH_REQUEST: Message = Message {
    name: "etcdserverpb.HashRequest",
    fields: &[
    ],
};
pub static HASH_RESPONSE: Message = Message {
    name: "etcdserverpb.HashResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "hash", json_name: "hash", number: 2, kind: Kind::Uint32, repeated: false },
    ],
};
pub static HASH_KV_REQUEST: Message = Message {
    name: "etcdserverpb.HashKVRequest",
    fields: &[
        Field { name: "revision", json_name: "revision", number: 1, kind: Kind::Int64, repeated: false },
    ],
};
pub static HASH_KV_RESPONSE: Message = Message {
    name: "etcdserverpb.HashKVResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "hash", json_name: "hash", number: 2, kind: Kind::Uint32, repeated: false },
        Field { name: "compact_revision", json_name: "compactRevision", number: 3, kind: Kind::Int64, repeated: false },
        Field { name: "hash_revision", json_name: "hashRevision", number: 4, kind: Kind::Int64, repeated: false },
    ],
};
pub static SNAPSHOT_REQUEST: Message = Message {
    name: "etcdserverpb.SnapshotRequest",
    fields: &[
    ],
};
pub static SNAPSHOT_RESPONSE: Message = Message {
    name: "etcdserverpb.SnapshotResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "remaining_bytes", json_name: "remainingBytes", number: 2, kind: Kind::Uint64, repeated: false },
        Field { name: "blob", json_name: "blob", number: 3, kind: Kind::Bytes, repeated: false },
        Field { name: "version", json_name: "version", number: 4, kind: Kind::String, repeated: false },
    ],
};
pub static MOVE_LEADER_REQUEST: Message = Message {
    name: "etcdserverpb.MoveLeaderRequest",
    fields: &[
        Field { name: "targetID", json_name: "targetID", number: 1, kind: Kind::Uint64, repeated: false },
    ],
};
pub static MOVE_LEADER_RESPONSE: Message = Message {
    name: "etcdserverpb.MoveLeaderResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static DOWNGRADE_REQUEST_DOWNGRADE_ACTION: Enum = Enum { name: "etcdserverpb.DowngradeRequest.DowngradeAction", values: &[("VALIDATE", 0), ("ENABLE", 1), ("CANCEL", 2)] };
pub static DOWNGRADE_REQUEST: Message = Message {
    name: "etcdserverpb.DowngradeRequest",
    fields: &[
        Field { name: "action", json_name: "action", number: 1, kind: Kind::Enum(&DOWNGRADE_REQUEST_DOWNGRADE_ACTION), repeated: false },
        Field { name: "version", json_name: "version", number: 2, kind: Kind::String, repeated: false },
    ],
};
pub static DOWNGRADE_RESPONSE: Message = Message {
    name: "etcdserverpb.DowngradeResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "version", json_name: "version", number: 2, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_ENABLE_REQUEST: Message = Message {
    name: "etcdserverpb.AuthEnableRequest",
    fields: &[
    ],
};
pub static AUTH_ENABLE_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthEnableResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_DISABLE_REQUEST: Message = Message {
    name: "etcdserverpb.AuthDisableRequest",
    fields: &[
    ],
};
pub static AUTH_DISABLE_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthDisableResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_STATUS_REQUEST: Message = Message {
    name: "etcdserverpb.AuthStatusRequest",
    fields: &[
    ],
};
pub static AUTH_STATUS_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthStatusResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "enabled", json_name: "enabled", number: 2, kind: Kind::Bool, repeated: false },
        Field { name: "authRevision", json_name: "authRevision", number: 3, kind: Kind::Uint64, repeated: false },
    ],
};
pub static AUTHENTICATE_REQUEST: Message = Message {
    name: "etcdserverpb.AuthenticateRequest",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::String, repeated: false },
        Field { name: "password", json_name: "password", number: 2, kind: Kind::String, repeated: false },
    ],
};
pub static AUTHENTICATE_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthenticateResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "token", json_name: "token", number: 2, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_USER_ADD_REQUEST: Message = Message {
    name: "etcdserverpb.AuthUserAddRequest",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::String, repeated: false },
        Field { name: "password", json_name: "password", number: 2, kind: Kind::String, repeated: false },
        Field { name: "options", json_name: "options", number: 3, kind: Kind::Message(&AUTHPB_USER_ADD_OPTIONS), repeated: false },
        Field { name: "hashedPassword", json_name: "hashedPassword", number: 4, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_USER_ADD_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthUserAddResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_USER_GET_REQUEST: Message = Message {
    name: "etcdserverpb.AuthUserGetRequest",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_USER_GET_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthUserGetResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "roles", json_name: "roles", number: 2, kind: Kind::String, repeated: true },
    ],
};
pub static AUTH_USER_LIST_REQUEST: Message = Message {
    name: "etcdserverpb.AuthUserListRequest",
    fields: &[
    ],
};
pub static AUTH_USER_LIST_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthUserListResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "users", json_name: "users", number: 2, kind: Kind::String, repeated: true },
    ],
};
pub static AUTH_USER_DELETE_REQUEST: Message = Message {
    name: "etcdserverpb.AuthUserDeleteRequest",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_USER_DELETE_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthUserDeleteResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_USER_CHANGE_PASSWORD_REQUEST: Message = Message {
    name: "etcdserverpb.AuthUserChangePasswordRequest",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::String, repeated: false },
        Field { name: "password", json_name: "password", number: 2, kind: Kind::String, repeated: false },
        Field { name: "hashedPassword", json_name: "hashedPassword", number: 3, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_USER_CHANGE_PASSWORD_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthUserChangePasswordResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_USER_GRANT_ROLE_REQUEST: Message = Message {
    name: "etcdserverpb.AuthUserGrantRoleRequest",
    fields: &[
        Field { name: "user", json_name: "user", number: 1, kind: Kind::String, repeated: false },
        Field { name: "role", json_name: "role", number: 2, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_USER_GRANT_ROLE_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthUserGrantRoleResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_USER_REVOKE_ROLE_REQUEST: Message = Message {
    name: "etcdserverpb.AuthUserRevokeRoleRequest",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::String, repeated: false },
        Field { name: "role", json_name: "role", number: 2, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_USER_REVOKE_ROLE_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthUserRevokeRoleResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_ROLE_ADD_REQUEST: Message = Message {
    name: "etcdserverpb.AuthRoleAddRequest",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_ROLE_ADD_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthRoleAddResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_ROLE_GET_REQUEST: Message = Message {
    name: "etcdserverpb.AuthRoleGetRequest",
    fields: &[
        Field { name: "role", json_name: "role", number: 1, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_ROLE_GET_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthRoleGetResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "perm", json_name: "perm", number: 2, kind: Kind::Message(&AUTHPB_PERMISSION), repeated: true },
    ],
};
pub static AUTH_ROLE_LIST_REQUEST: Message = Message {
    name: "etcdserverpb.AuthRoleListRequest",
    fields: &[
    ],
};
pub static AUTH_ROLE_LIST_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthRoleListResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
        Field { name: "roles", json_name: "roles", number: 2, kind: Kind::String, repeated: true },
    ],
};
pub static AUTH_ROLE_DELETE_REQUEST: Message = Message {
    name: "etcdserverpb.AuthRoleDeleteRequest",
    fields: &[
        Field { name: "role", json_name: "role", number: 1, kind: Kind::String, repeated: false },
    ],
};
pub static AUTH_ROLE_DELETE_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthRoleDeleteResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_ROLE_GRANT_PERMISSION_REQUEST: Message = Message {
    name: "etcdserverpb.AuthRoleGrantPermissionRequest",
    fields: &[
        Field { name: "name", json_name: "name", number: 1, kind: Kind::String, repeated: false },
        Field { name: "perm", json_name: "perm", number: 2, kind: Kind::Message(&AUTHPB_PERMISSION), repeated: false },
    ],
};
pub static AUTH_ROLE_GRANT_PERMISSION_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthRoleGrantPermissionResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static AUTH_ROLE_REVOKE_PERMISSION_REQUEST: Message = Message {
    name: "etcdserverpb.AuthRoleRevokePermissionRequest",
    fields: &[
        Field { name: "role", json_name: "role", number: 1, kind: Kind::String, repeated: false },
        Field { name: "key", json_name: "key", number: 2, kind: Kind::Bytes, repeated: false },
        Field { name: "range_end", json_name: "rangeEnd", number: 3, kind: Kind::Bytes, repeated: false },
    ],
};
pub static AUTH_ROLE_REVOKE_PERMISSION_RESPONSE: Message = Message {
    name: "etcdserverpb.AuthRoleRevokePermissionResponse",
    fields: &[
        Field { name: "header", json_name: "header", number: 1, kind: Kind::Message(&RESPONSE_HEADER), repeated: false },
    ],
};
pub static ALARM_TYPE: Enum = Enum { name: "etcdserverpb.AlarmType", values: &[("NONE", 0), ("NOSPACE", 1), ("CORRUPT", 2)] };
pub static GRPC_HEALTH_V1_HEALTH_CHECK_REQUEST: Message = Message {
    name: "grpc.health.v1.HealthCheckRequest",
    fields: &[
        Field { name: "service", json_name: "service", number: 1, kind: Kind::String, repeated: false },
    ],
};
pub static GRPC_HEALTH_V1_HEALTH_CHECK_RESPONSE_SERVING_STATUS: Enum = Enum { name: "grpc.health.v1.HealthCheckResponse.ServingStatus", values: &[("UNKNOWN", 0), ("SERVING", 1), ("NOT_SERVING", 2), ("SERVICE_UNKNOWN", 3)] };
pub static GRPC_HEALTH_V1_HEALTH_CHECK_RESPONSE: Message = Message {
    name: "grpc.health.v1.HealthCheckResponse",
    fields: &[
        Field { name: "status", json_name: "status", number: 1, kind: Kind::Enum(&GRPC_HEALTH_V1_HEALTH_CHECK_RESPONSE_SERVING_STATUS), repeated: false },
    ],
};
pub static METHODS: &[Method] = &[
    Method { path: "/etcdserverpb.KV/Range", request: &RANGE_REQUEST, response: &RANGE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.KV/Put", request: &PUT_REQUEST, response: &PUT_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.KV/DeleteRange", request: &DELETE_RANGE_REQUEST, response: &DELETE_RANGE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.KV/Txn", request: &TXN_REQUEST, response: &TXN_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.KV/Compact", request: &COMPACTION_REQUEST, response: &COMPACTION_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Watch/Watch", request: &WATCH_REQUEST, response: &WATCH_RESPONSE, client_streams: true, server_streams: true },
    Method { path: "/etcdserverpb.Lease/LeaseGrant", request: &LEASE_GRANT_REQUEST, response: &LEASE_GRANT_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Lease/LeaseRevoke", request: &LEASE_REVOKE_REQUEST, response: &LEASE_REVOKE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Lease/LeaseKeepAlive", request: &LEASE_KEEP_ALIVE_REQUEST, response: &LEASE_KEEP_ALIVE_RESPONSE, client_streams: true, server_streams: true },
    Method { path: "/etcdserverpb.Lease/LeaseTimeToLive", request: &LEASE_TIME_TO_LIVE_REQUEST, response: &LEASE_TIME_TO_LIVE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Lease/LeaseLeases", request: &LEASE_LEASES_REQUEST, response: &LEASE_LEASES_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Cluster/MemberAdd", request: &MEMBER_ADD_REQUEST, response: &MEMBER_ADD_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Cluster/MemberRemove", request: &MEMBER_REMOVE_REQUEST, response: &MEMBER_REMOVE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Cluster/MemberUpdate", request: &MEMBER_UPDATE_REQUEST, response: &MEMBER_UPDATE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Cluster/MemberList", request: &MEMBER_LIST_REQUEST, response: &MEMBER_LIST_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Cluster/MemberPromote", request: &MEMBER_PROMOTE_REQUEST, response: &MEMBER_PROMOTE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Maintenance/Alarm", request: &ALARM_REQUEST, response: &ALARM_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Maintenance/Status", request: &STATUS_REQUEST, response: &STATUS_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Maintenance/Defragment", request: &DEFRAGMENT_REQUEST, response: &DEFRAGMENT_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Maintenance/Hash", request: &HASH_REQUEST, response: &HASH_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Maintenance/HashKV", request: &HASH_KV_REQUEST, response: &HASH_KV_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Maintenance/Snapshot", request: &SNAPSHOT_REQUEST, response: &SNAPSHOT_RESPONSE, client_streams: false, server_streams: true },
    Method { path: "/etcdserverpb.Maintenance/MoveLeader", request: &MOVE_LEADER_REQUEST, response: &MOVE_LEADER_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Maintenance/Downgrade", request: &DOWNGRADE_REQUEST, response: &DOWNGRADE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/AuthEnable", request: &AUTH_ENABLE_REQUEST, response: &AUTH_ENABLE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/AuthDisable", request: &AUTH_DISABLE_REQUEST, response: &AUTH_DISABLE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/AuthStatus", request: &AUTH_STATUS_REQUEST, response: &AUTH_STATUS_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/Authenticate", request: &AUTHENTICATE_REQUEST, response: &AUTHENTICATE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/UserAdd", request: &AUTH_USER_ADD_REQUEST, response: &AUTH_USER_ADD_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/UserGet", request: &AUTH_USER_GET_REQUEST, response: &AUTH_USER_GET_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/UserList", request: &AUTH_USER_LIST_REQUEST, response: &AUTH_USER_LIST_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/UserDelete", request: &AUTH_USER_DELETE_REQUEST, response: &AUTH_USER_DELETE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/UserChangePassword", request: &AUTH_USER_CHANGE_PASSWORD_REQUEST, response: &AUTH_USER_CHANGE_PASSWORD_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/UserGrantRole", request: &AUTH_USER_GRANT_ROLE_REQUEST, response: &AUTH_USER_GRANT_ROLE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/UserRevokeRole", request: &AUTH_USER_REVOKE_ROLE_REQUEST, response: &AUTH_USER_REVOKE_ROLE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/RoleAdd", request: &AUTH_ROLE_ADD_REQUEST, response: &AUTH_ROLE_ADD_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/RoleGet", request: &AUTH_ROLE_GET_REQUEST, response: &AUTH_ROLE_GET_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/RoleList", request: &AUTH_ROLE_LIST_REQUEST, response: &AUTH_ROLE_LIST_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/RoleDelete", request: &AUTH_ROLE_DELETE_REQUEST, response: &AUTH_ROLE_DELETE_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/RoleGrantPermission", request: &AUTH_ROLE_GRANT_PERMISSION_REQUEST, response: &AUTH_ROLE_GRANT_PERMISSION_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/etcdserverpb.Auth/RoleRevokePermission", request: &AUTH_ROLE_REVOKE_PERMISSION_REQUEST, response: &AUTH_ROLE_REVOKE_PERMISSION_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/grpc.health.v1.Health/Check", request: &GRPC_HEALTH_V1_HEALTH_CHECK_REQUEST, response: &GRPC_HEALTH_V1_HEALTH_CHECK_RESPONSE, client_streams: false, server_streams: false },
    Method { path: "/grpc.health.v1.Health/Watch", request: &GRPC_HEALTH_V1_HEALTH_CHECK_REQUEST, response: &GRPC_HEALTH_V1_HEALTH_CHECK_RESPONSE, client_streams: false, server_streams: true },
];
