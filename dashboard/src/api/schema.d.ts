/** Written by `npm run api` from `cp/openapi.json`; never edit it. */

export interface paths {
    "/api/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin a session with user name and password. */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End the session of the cookie. */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who the caller is. */
        get: operations["getSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Facts about this control plane. */
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/groups/{group}/resources/{kind}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All resources of a kind, secrets masked. */
        get: operations["listResources"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/groups/{group}/resources/{kind}/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One resource, secrets masked. */
        get: operations["getResource"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Events of the log, newest first. */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/events/{revision}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One event. */
        get: operations["getEvent"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A range of the log with everything that proves it, as a tar archive: the files of the bundle that `portolan audit verify` reads. Personal data and secrets in clear, so it is for administrators, and an event. */
        get: operations["exportLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The keys that the log is signed with. For finding them: an auditor keeps his own copy. */
        get: operations["getLogKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/key/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let another key sign the log from now on. The one before it signs one more checkpoint, which covers this event, and is gone. */
        post: operations["rotateLogKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/holds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Legal holds in force. For administrators. */
        get: operations["listHolds"];
        put?: never;
        /** Set a legal hold: nothing that it covers is pruned or erased, past or to come. */
        post: operations["createHold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/holds/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Release a legal hold, as a new event; the event that set it stays. */
        delete: operations["deleteHold"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/erasures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Erase what is personal about the events of an actor: name, addresses, free text. The id and the proof stay. */
        post: operations["eraseActor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/prune": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let go of payloads of old events: contexts, and changes that no later state is told from. The entries stay. */
        post: operations["prune"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/history/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What changed after one point of the history up to another, oldest first, secrets masked. Appended to the state at `from` it gives the state at `to`. */
        get: operations["listChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/history/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a gateway group, the resources of one kind or one resource was at a point of the history, secrets masked. */
        get: operations["getState"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/history/{kind}/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All versions of a resource, newest first, secrets masked. */
        get: operations["getHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Put a gateway group back to what it was at a revision, as a new event; or look at what that would change. */
        post: operations["rollback"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/certificates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Have the internal authority sign a certificate. Only the public key of the request is used. */
        post: operations["issueCertificate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/certificates/{serial}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Refuse a certificate from now on. Its open streams at the data-plane manager end within a second. */
        post: operations["revokeCertificate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document. */
        get: operations["getOpenapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gateway_groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Gateway groups, the default one first. */
        get: operations["listGatewayGroups"];
        put?: never;
        /** Make a gateway group. */
        post: operations["createGatewayGroup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gateway_groups/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a gateway group. */
        get: operations["getGatewayGroup"];
        /** Change what the body names. */
        put: operations["updateGatewayGroup"];
        post?: never;
        /** Delete a gateway group; one with resources or live data planes only when forced, and then with everything in it. */
        delete: operations["deleteGatewayGroup"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gateway_groups/{id}/admin_key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Give the gateway group a new admin key in place of the ones before. It implies the group. */
        put: operations["resetGatewayGroupKey"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Users. */
        get: operations["listUsers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a user. */
        get: operations["getUser"];
        put?: never;
        post?: never;
        /** Delete a user with its sessions and tokens. */
        delete: operations["deleteUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users/{id}/assigned_roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Give a user these roles in place of the ones before. */
        put: operations["assignRoles"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The built-in roles. */
        get: operations["listRoles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/invites": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a user who can log in and has no role yet. */
        post: operations["invite"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Change one's own password; all other sessions end. */
        put: operations["changePassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/license": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Accepted and ignored: clients of the enterprise face send one when they set a server up. */
        put: operations["ignoreLicense"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's own tokens. */
        get: operations["listTokens"];
        put?: never;
        /** Make a token, which may do what its user may at that moment. */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a token away. */
        delete: operations["deleteToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/apply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Apply a whole desired state or a list of changes: all of it as one event, or nothing; or look at what that would change. */
        post: operations["apply"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole configuration of a gateway group, secrets included, as a state that `POST /api/apply` takes. Recorded as an event. */
        get: operations["export"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/version": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the enterprise face is compatible with. */
        get: operations["version"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/schema/core": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** JSON schemas of the enterprise face, with defaults. */
        get: operations["coreSchemas"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/instances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The data planes that are alive, and on how many of them a revision is live. */
        get: operations["listInstances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Error: {
            error_msg: string;
        };
        Credentials: {
            username: string;
            password: string;
        };
        User: {
            id: string;
            name: string;
            roles: ("admin" | "viewer")[];
        };
        Session: {
            user: components["schemas"]["User"];
        };
        Status: {
            version: string;
            /** Format: int64 */
            revision: number;
            /** @enum {string} */
            store: "sqlite" | "postgres" | "mysql";
            gateway_groups: string[];
        };
        Resource: {
            id: string;
            /** @description Any JSON; secrets are masked as ******. */
            value: unknown;
            /** Format: int64 */
            create_revision: number;
            /** Format: int64 */
            mod_revision: number;
            /** Format: int64 */
            version: number;
        };
        ResourceList: {
            /** Format: int64 */
            revision: number;
            total: number;
            list: components["schemas"]["Resource"][];
        };
        /** @enum {string} */
        Outcome: "success" | "refused" | "denied" | "failed";
        Actor: {
            id: string;
            /** @enum {string} */
            kind: "user" | "admin_key" | "certificate" | "system" | "anonymous";
            name: string | null;
            /** @enum {string} */
            auth_method: "api_key" | "password" | "session" | "mtls" | "none";
            roles: string[];
        };
        Source: {
            ip: string | null;
            user_agent: string | null;
            /** @enum {string} */
            interface: "admin_api" | "api" | "dashboard" | "etcd" | "internal";
        };
        Change: {
            key: string;
            /** @description Any JSON; secrets are masked as ******. */
            before: unknown;
            /** @description Any JSON; secrets are masked as ******. */
            after: unknown;
            /** Format: int64 */
            create_revision: number | null;
            /** Format: int64 */
            version: number | null;
        };
        Event: {
            /** Format: int64 */
            revision: number;
            /** Format: uuid */
            event_id: string;
            /** Format: date-time */
            recorded_at: string;
            action: string;
            outcome: components["schemas"]["Outcome"];
            actor: components["schemas"]["Actor"];
            source: components["schemas"]["Source"];
            reason: string | null;
            /** Format: uuid */
            request_id: string;
            trace_id: string | null;
            gateway_group_id: string | null;
            resource: {
                kind: string;
                id: string;
            } | null;
            /** Format: int64 */
            causation_revision: number | null;
            error: {
                status: number;
                message: string | null;
            } | null;
            changes: components["schemas"]["Change"][];
            /** @description What was pruned or erased since: the context (names, addresses, texts), the changes, a value that one of the changes replaced. The proof holds without it. */
            redacted: ("context" | "changes" | "before")[];
            leaf_hash: string;
        };
        EventPage: {
            /** Format: int64 */
            head: number;
            events: components["schemas"]["Event"][];
            /** Format: int64 */
            next_before: number | null;
        };
        LogKey: {
            /** @description Name of the log in its checkpoints. */
            origin: string;
            /** @description The verifier key. */
            key: string;
            /** @description Those before it, the latest first. */
            previous: string[];
        };
        RotateRequest: {
            /** @description Why. */
            reason: string;
        };
        Rotated: {
            /** Format: int64 */
            revision: number;
            key: string;
            /** @description Those before it, the latest first. */
            previous: string[];
            /** @description Whether a checkpoint covers the event already. */
            covered: boolean;
        };
        /** @description What a legal hold covers. */
        HoldScope: {
            /** @enum {string} */
            type: "actor";
            /** @description All events of this actor. */
            actor_id: string;
        } | {
            /** @enum {string} */
            type: "resource";
            /** @description Its kind, as in paths or in events. */
            kind: string;
            /** @description Its id. */
            id: string;
            /** @description Its gateway group; `default` unless given. Null for what belongs to none, such as users. */
            gateway_group_id?: string | null;
        } | {
            /** @enum {string} */
            type: "gateway_group";
            /** @description Everything in this gateway group. */
            gateway_group_id: string;
        } | {
            /** @enum {string} */
            type: "revisions";
            /**
             * Format: int64
             * @description The first revision.
             */
            first: number;
            /**
             * Format: int64
             * @description The last one.
             */
            last: number;
        };
        HoldRequest: {
            scope: components["schemas"]["HoldScope"];
            /** @description Why. */
            reason: string;
        };
        Hold: {
            /** @description Its id. */
            id: string;
            /**
             * Format: int64
             * @description The revision that set it.
             */
            revision: number;
            scope: components["schemas"]["HoldScope"];
            /** @description Why; null once it was erased. */
            reason: string | null;
            actor: components["schemas"]["Actor"];
            /** Format: date-time */
            recorded_at: string;
        };
        HoldItem: {
            value: components["schemas"]["Hold"];
        };
        HoldList: {
            total: number;
            list: components["schemas"]["Hold"][];
        };
        ErasureRequest: {
            /** @description Whose events. */
            actor_id: string;
            /** @description Why, for the event. Needed unless it is only looked at. */
            reason?: string | null;
            /**
             * @description Only count.
             * @default true
             */
            dry_run: boolean;
        };
        PruneRequest: {
            /** @description Events before this time (RFC 3339), or below this revision. */
            before: string | number;
            /** @description Why, for the event. Needed unless it is only looked at. */
            reason?: string | null;
            /**
             * @description Only count.
             * @default true
             */
            dry_run: boolean;
        };
        Removed: {
            dry_run: boolean;
            /**
             * Format: int64
             * @description The event that accounts for it; null when nothing went.
             */
            revision: number | null;
            /** @description Events whose context goes. */
            contexts: number;
            /** @description Events whose changes go. */
            changes: number;
            /** @description Payloads that a legal hold kept. */
            held: number;
        };
        Version: {
            /** Format: int64 */
            revision: number;
            /** Format: date-time */
            recorded_at: string;
            action: string;
            actor: components["schemas"]["Actor"];
            /** @description Any JSON; secrets are masked as ******. */
            value: unknown;
        };
        History: {
            versions: components["schemas"]["Version"][];
        };
        ChangePage: {
            /** Format: int64 */
            from: number;
            /** Format: int64 */
            to: number;
            events: components["schemas"]["Event"][];
            /**
             * Format: int64
             * @description `from` of the next page; null on the last one.
             */
            next_from: number | null;
        };
        PastState: {
            /** Format: int64 */
            revision: number;
            /** Format: date-time */
            recorded_at: string | null;
            gateway_group_id: string;
            total: number;
            list: components["schemas"]["PastKey"][];
        };
        PastKey: {
            key: string;
            kind: string | null;
            id: string | null;
            value: unknown;
            /** Format: int64 */
            create_revision: number;
            /** Format: int64 */
            mod_revision: number;
            /** Format: int64 */
            version: number;
        };
        RollbackRequest: {
            /** @default default */
            gateway_group_id: string;
            /** Format: int64 */
            to: number;
            /** @default true */
            dry_run: boolean;
            reason?: string;
        };
        RollbackChange: {
            key: string;
            kind: string | null;
            id: string | null;
            /** @enum {string} */
            action: "create" | "update" | "delete";
            /** @description Any JSON; secrets are masked as ******. */
            before: unknown;
            /** @description Any JSON; secrets are masked as ******. */
            after: unknown;
        };
        BrokenReference: {
            key: string;
            kind: string;
            id: string;
        };
        RollbackResult: {
            dry_run: boolean;
            /** Format: int64 */
            revision: number | null;
            /** Format: int64 */
            from: number;
            /** Format: int64 */
            to: number;
            changes: components["schemas"]["RollbackChange"][];
            broken_references: components["schemas"]["BrokenReference"][];
        };
        CertificateRequest: {
            /** @enum {string} */
            kind: "data_plane" | "admin" | "server";
            name: string;
            /** @default default */
            gateway_group_id: string;
            names?: string[];
            /** @description PKCS#10 in PEM. */
            csr: string;
        };
        Certificate: {
            certificate: string;
            ca: string;
            serial: string;
            /** Format: date-time */
            not_after: string;
        };
        GatewayGroup: {
            id: string;
            name: string;
            description?: string;
            labels: {
                [key: string]: string;
            };
            create_time: number;
            update_time: number;
            /** @description What its keys begin with. */
            prefix: string;
            /** @description Its data planes that are alive. */
            data_planes: number;
        };
        GatewayGroupFacts: {
            /** @description Taken from the name when absent. */
            id?: string;
            name?: string;
            description?: string;
            labels?: {
                [key: string]: string;
            };
        };
        GatewayGroupItem: {
            value: components["schemas"]["GatewayGroup"];
        };
        GatewayGroupList: {
            total: number;
            list: components["schemas"]["GatewayGroup"][];
        };
        AdminKey: {
            value: {
                key: string;
            };
        };
        UserItem: {
            value: components["schemas"]["UserFacts"];
        };
        UserFacts: {
            id: string;
            username: string;
            roles: string[];
            create_time: number;
            must_change_password: boolean;
        };
        UserList: {
            total: number;
            list: components["schemas"]["UserFacts"][];
        };
        RoleList: {
            total: number;
            list: {
                id: string;
                name: string;
            }[];
        };
        Invitation: {
            username: string;
            password: string;
        };
        Invited: {
            value: {
                id: string;
            };
        };
        AssignedRoles: {
            roles: ("super_admin_id" | "super_admin" | "admin" | "viewer_id" | "viewer")[];
        };
        PasswordChange: {
            old_password: string;
            new_password: string;
        };
        TokenRequest: {
            name: string;
            /**
             * @description Seconds since 1970; 0 = never.
             * @default 0
             */
            expires_at: number;
        };
        TokenFacts: {
            id: string;
            name: string;
            create_time: number;
            expires_at: number;
        };
        TokenCreated: {
            value: {
                id: string;
                name: string;
                create_time: number;
                expires_at: number;
                /** @description Shown this once. */
                token: string;
            };
        };
        TokenList: {
            total: number;
            list: components["schemas"]["TokenFacts"][];
        };
        Empty: Record<string, never>;
        Problem: {
            resource_type: string;
            resource_id: string;
            /** @description The place in its list, from 0. */
            index?: number;
            error: string;
        };
        Problems: {
            error_msg: string;
            errors: components["schemas"]["Problem"][];
        };
        FieldChange: {
            /** @description JSON pointer. */
            path: string;
            before: unknown;
            after: unknown;
        };
        PlannedChange: {
            /** @enum {string} */
            action: "create" | "update" | "delete";
            kind: string | null;
            id: string | null;
            name: unknown;
            key: string;
            /** @description Of an update: what differs. */
            fields?: components["schemas"]["FieldChange"][];
        };
        ApplyResult: {
            dry_run: boolean;
            /** @description The event; null when there was nothing to do, or in a dry run. */
            revision: number | null;
            /** @description The state that the changes were computed for. */
            from: number;
            changes: components["schemas"]["PlannedChange"][];
            errors: components["schemas"]["Problem"][];
        };
        ChangeList: {
            changes: {
                /** @enum {string} */
                action: "put" | "delete";
                /** @description As in paths or in events: `routes`, `route`. */
                kind: string;
                /** @description As below the directory of its key: `r1`, `jack/credentials/c1`. */
                id: string;
                value?: Record<string, never>;
            }[];
        };
        /** @description ADC's format: services with their routes, stream routes and upstreams, ssls, consumers with their credentials, global rules and plugin metadata; what is not named is deleted. `routes`, `stream_routes` and `upstreams` without a service, `plugin_configs`, `consumer_groups`, `protos` and `secrets` stand in lists of the Admin API's documents, and such a resource is deleted only when its list is there. */
        DesiredState: Record<string, never>;
        VersionFacts: {
            /** @description The version of the enterprise product whose clients find here what they need. */
            value: string;
        };
        CoreSchemas: {
            value: {
                [key: string]: Record<string, never>;
            };
        };
        Instance: {
            id: string;
            /** @description The name in its certificate. */
            name: string;
            gateway_group_id: string;
            /** @enum {string} */
            kind: "portolan" | "apisix";
            version: string;
            /** @description Seconds since 1970. */
            started_at: number;
            /**
             * Format: int64
             * @description The last change of its configuration that requests meet; an APISIX data plane does not say.
             */
            applied_revision: number | null;
            /** @description Resources that it does not use as they are written. */
            resource_errors: number;
            last_error: string | null;
            /** @description Whether it serves the revision asked for; null where it does not say. */
            live: boolean | null;
        };
        InstanceList: {
            /**
             * Format: int64
             * @description The revision asked for, or the newest.
             */
            revision: number;
            /** @description Data planes that serve it. */
            live: number;
            /** @description Data planes that say what they serve. */
            total: number;
            list: components["schemas"]["Instance"][];
        };
    };
    responses: {
        /** @description The request can't be understood or carried out. */
        Invalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description No valid credentials. */
        Unauthenticated: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The caller may not do this. */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description There is no such thing. */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The payloads that the answer would be told from were pruned; the message names the first revision that can be told. */
        Pruned: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description Too many failed logins. */
        TooMany: {
            headers: {
                /** @description Seconds. */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The event log is unavailable; nothing was changed. */
        Unavailable: {
            headers: {
                /** @description Seconds. */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description `If-Match` does not hold; nothing was changed. */
        PreconditionFailed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The `Idempotency-Key` was used before with another request. */
        Reused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description Something of that name exists already. */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
    };
    parameters: {
        /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
        IdempotencyKey: string;
        /** @description The `modifiedIndex` that the resource must have (0 = it must not exist), or `*` = it must exist; else 412. */
        IfMatch: string;
        /** @description A revision since which the configuration of the gateway group must not have changed; else 412. */
        IfMatchRevision: string;
        /** @description Wait until the data planes of the gateway group serve the change, for at most 10 seconds; `X-Portolan-Applied: 41/42` then says on how many it is live, `X-Portolan-Revision` which revision that is. */
        Wait: "applied";
    };
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "username": "admin",
                 *       "password": "correct horse battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["Credentials"];
            };
        };
        responses: {
            /** @description The session's cookie `__Host-portolan_session` is set. */
            200: {
                headers: {
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "admin",
                     *         "name": "admin",
                     *         "roles": [
                     *           "admin"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            429: components["responses"]["TooMany"];
            503: components["responses"]["Unavailable"];
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session has ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The caller. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user": {
                     *         "id": "admin",
                     *         "name": "admin",
                     *         "roles": [
                     *           "admin"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            503: components["responses"]["Unavailable"];
        };
    };
    getStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The facts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "version": "0.0.0",
                     *       "revision": 70,
                     *       "store": "sqlite",
                     *       "gateway_groups": [
                     *         "default"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Status"];
                };
            };
            /** @description Somebody is there; no credentials were shown. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["Unauthenticated"];
            503: components["responses"]["Unavailable"];
        };
    };
    listResources: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Gateway group.
                 * @example default
                 */
                group: string;
                /**
                 * @description Kind of resource, in plural.
                 * @example services
                 */
                kind: "routes" | "services" | "upstreams" | "consumers" | "credentials" | "ssls" | "global_rules" | "plugin_configs" | "consumer_groups" | "plugin_metadata" | "protos" | "stream_routes" | "secrets" | "graphql_cost_decorations";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The resources. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "revision": 71,
                     *       "total": 1,
                     *       "list": [
                     *         {
                     *           "id": "s1",
                     *           "value": {
                     *             "id": "s1",
                     *             "name": "orders",
                     *             "upstream_id": "u1",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994,
                     *             "desc": "all orders"
                     *           },
                     *           "create_revision": 16,
                     *           "mod_revision": 21,
                     *           "version": 4
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ResourceList"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    getResource: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Gateway group.
                 * @example default
                 */
                group: string;
                /**
                 * @description Kind of resource, in plural.
                 * @example services
                 */
                kind: "routes" | "services" | "upstreams" | "consumers" | "credentials" | "ssls" | "global_rules" | "plugin_configs" | "consumer_groups" | "plugin_metadata" | "protos" | "stream_routes" | "secrets" | "graphql_cost_decorations";
                /**
                 * @description Id, or the username of a consumer.
                 * @example s1
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The resource. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "s1",
                     *       "value": {
                     *         "id": "s1",
                     *         "name": "orders",
                     *         "upstream_id": "u1",
                     *         "create_time": 1795428994,
                     *         "update_time": 1795428994,
                     *         "desc": "all orders"
                     *       },
                     *       "create_revision": 16,
                     *       "mod_revision": 21,
                     *       "version": 4
                     *     }
                     */
                    "application/json": components["schemas"]["Resource"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /**
                 * @description Events in the answer, at most. In a long log a search that finds little ends early; `next_before` says where it goes on.
                 * @example 1
                 */
                limit?: number;
                /** @description Revisions below this one; take `next_before` of the page before. */
                before?: number;
                /** @description Revisions above this one. */
                after?: number;
                /** @description This action. */
                action?: string;
                /** @description This actor's id. */
                actor?: string;
                /** @description This outcome. */
                outcome?: components["schemas"]["Outcome"];
                /**
                 * @description Resources of this kind.
                 * @example service
                 */
                resource_kind?: string;
                /** @description Resources of this id. */
                resource_id?: string;
                /** @description This gateway group. */
                gateway_group_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "head": 71,
                     *       "events": [
                     *         {
                     *           "revision": 21,
                     *           "event_id": "01a207e8-4c08-72d5-91f1-29b464d20fe0",
                     *           "recorded_at": "2026-11-23T10:16:34.056892Z",
                     *           "action": "service.update",
                     *           "outcome": "success",
                     *           "actor": {
                     *             "id": "admin",
                     *             "kind": "admin_key",
                     *             "name": null,
                     *             "auth_method": "api_key",
                     *             "roles": [
                     *               "admin"
                     *             ]
                     *           },
                     *           "source": {
                     *             "ip": "127.0.0.1",
                     *             "user_agent": "Python-urllib/3.11",
                     *             "interface": "admin_api"
                     *           },
                     *           "reason": null,
                     *           "request_id": "01a207e8-4c08-72d5-91f1-29b32ff41281",
                     *           "trace_id": null,
                     *           "gateway_group_id": "default",
                     *           "resource": {
                     *             "kind": "service",
                     *             "id": "s1"
                     *           },
                     *           "causation_revision": null,
                     *           "error": null,
                     *           "changes": [
                     *             {
                     *               "key": "/apisix/services/s1",
                     *               "before": {
                     *                 "id": "s1",
                     *                 "name": "orders",
                     *                 "upstream_id": "u1",
                     *                 "create_time": 1795428994,
                     *                 "update_time": 1795428994,
                     *                 "desc": "all orders"
                     *               },
                     *               "after": {
                     *                 "id": "s1",
                     *                 "name": "orders",
                     *                 "upstream_id": "u1",
                     *                 "create_time": 1795428994,
                     *                 "update_time": 1795428994,
                     *                 "desc": "all orders"
                     *               },
                     *               "create_revision": 16,
                     *               "version": 4
                     *             }
                     *           ],
                     *           "redacted": [],
                     *           "leaf_hash": "904f1e82a9b0ad29764a28d4198952a8b798763ae14a5c7d1252240ff0734f72"
                     *         }
                     *       ],
                     *       "next_before": 21
                     *     }
                     */
                    "application/json": components["schemas"]["EventPage"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            503: components["responses"]["Unavailable"];
        };
    };
    getEvent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Its revision.
                 * @example 21
                 */
                revision: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "revision": 21,
                     *       "event_id": "01a207e8-4c08-72d5-91f1-29b464d20fe0",
                     *       "recorded_at": "2026-11-23T10:16:34.056892Z",
                     *       "action": "service.update",
                     *       "outcome": "success",
                     *       "actor": {
                     *         "id": "admin",
                     *         "kind": "admin_key",
                     *         "name": null,
                     *         "auth_method": "api_key",
                     *         "roles": [
                     *           "admin"
                     *         ]
                     *       },
                     *       "source": {
                     *         "ip": "127.0.0.1",
                     *         "user_agent": "Python-urllib/3.11",
                     *         "interface": "admin_api"
                     *       },
                     *       "reason": null,
                     *       "request_id": "01a207e8-4c08-72d5-91f1-29b32ff41281",
                     *       "trace_id": null,
                     *       "gateway_group_id": "default",
                     *       "resource": {
                     *         "kind": "service",
                     *         "id": "s1"
                     *       },
                     *       "causation_revision": null,
                     *       "error": null,
                     *       "changes": [
                     *         {
                     *           "key": "/apisix/services/s1",
                     *           "before": {
                     *             "id": "s1",
                     *             "name": "orders",
                     *             "upstream_id": "u1",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994,
                     *             "desc": "all orders"
                     *           },
                     *           "after": {
                     *             "id": "s1",
                     *             "name": "orders",
                     *             "upstream_id": "u1",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994,
                     *             "desc": "all orders"
                     *           },
                     *           "create_revision": 16,
                     *           "version": 4
                     *         }
                     *       ],
                     *       "redacted": [],
                     *       "leaf_hash": "904f1e82a9b0ad29764a28d4198952a8b798763ae14a5c7d1252240ff0734f72"
                     *     }
                     */
                    "application/json": components["schemas"]["Event"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    exportLog: {
        parameters: {
            query?: {
                /** @description First revision. Without it: the first of the log. */
                from?: number;
                /** @description Last revision. Without it: the last of the log. */
                to?: number;
                /** @description Why, for the event. */
                reason?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The archive. One that breaks off has no end and is refused when it is unpacked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example bundle.json
                     *     checkpoints.txt
                     *     accounts.jsonl
                     *     entries-0000000000000001.jsonl
                     *     payloads-0000000000000001.jsonl
                     */
                    "application/x-tar": string;
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    getLogKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "origin": "portolan/01a207e8-4c08",
                     *       "key": "portolan/01a207e8-4c08+1b2c3d4e+AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdEf",
                     *       "previous": [
                     *         "portolan/01a207e8-4c08+5f6a7b8c+AZyXwVuTsRqPoNmLkJiHgFeDcBa9876543210/+ZyXwV"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["LogKey"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    rotateLogKey: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "the yearly change"
                 *     }
                 */
                "application/json": components["schemas"]["RotateRequest"];
            };
        };
        responses: {
            /** @description The new key. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "revision": 75,
                     *       "key": "portolan/01a207e8-4c08+1b2c3d4e+AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdEf",
                     *       "previous": [
                     *         "portolan/01a207e8-4c08+5f6a7b8c+AZyXwVuTsRqPoNmLkJiHgFeDcBa9876543210/+ZyXwV"
                     *       ],
                     *       "covered": true
                     *     }
                     */
                    "application/json": components["schemas"]["Rotated"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    listHolds: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The holds. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "total": 1,
                     *       "list": [
                     *         {
                     *           "id": "72",
                     *           "revision": 72,
                     *           "scope": {
                     *             "type": "actor",
                     *             "actor_id": "ann"
                     *           },
                     *           "reason": "case 2026/7",
                     *           "actor": {
                     *             "id": "admin",
                     *             "kind": "admin_key",
                     *             "name": null,
                     *             "auth_method": "api_key",
                     *             "roles": [
                     *               "admin"
                     *             ]
                     *           },
                     *           "recorded_at": "2026-11-23T11:50:34.056892Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["HoldList"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    createHold: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "scope": {
                 *         "type": "actor",
                 *         "actor_id": "ann"
                 *       },
                 *       "reason": "case 2026/7"
                 *     }
                 */
                "application/json": components["schemas"]["HoldRequest"];
            };
        };
        responses: {
            /** @description The hold. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "id": "72",
                     *         "revision": 72,
                     *         "scope": {
                     *           "type": "actor",
                     *           "actor_id": "ann"
                     *         },
                     *         "reason": "case 2026/7",
                     *         "actor": {
                     *           "id": "admin",
                     *           "kind": "admin_key",
                     *           "name": null,
                     *           "auth_method": "api_key",
                     *           "roles": [
                     *             "admin"
                     *           ]
                     *         },
                     *         "recorded_at": "2026-11-23T11:50:34.056892Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["HoldItem"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteHold: {
        parameters: {
            query?: {
                /** @description Why, for the event. */
                reason?: string;
            };
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description Its id: the revision that set it.
                 * @example 72
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is released. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    eraseActor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "actor_id": "ann",
                 *       "reason": "she asked for it",
                 *       "dry_run": false
                 *     }
                 */
                "application/json": components["schemas"]["ErasureRequest"];
            };
        };
        responses: {
            /** @description What is gone, or would be. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "dry_run": false,
                     *       "revision": 73,
                     *       "contexts": 41,
                     *       "changes": 0,
                     *       "held": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Removed"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            503: components["responses"]["Unavailable"];
        };
    };
    prune: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "before": "2026-01-01T00:00:00Z",
                 *       "reason": "older than our policy keeps",
                 *       "dry_run": false
                 *     }
                 */
                "application/json": components["schemas"]["PruneRequest"];
            };
        };
        responses: {
            /** @description What is gone, or would be. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "dry_run": false,
                     *       "revision": 74,
                     *       "contexts": 1204,
                     *       "changes": 377,
                     *       "held": 12
                     *     }
                     */
                    "application/json": components["schemas"]["Removed"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    listChanges: {
        parameters: {
            query?: {
                /**
                 * @description After this point: a revision, or a time (RFC 3339). Without it: everything that can still be told. On the next page: `next_from`.
                 * @example 20
                 */
                from?: number | string;
                /** @description Up to this point. Without it: now. On the next page: `to` of this answer. */
                to?: number | string;
                /**
                 * @description A page ends with the event whose changes reach this number; the changes of one event are never split.
                 * @example 1
                 */
                limit?: number;
                /** @description Changes in this gateway group. Without it: in all, and of Portolan's own objects; with a `resource_kind`: in `default`. */
                gateway_group_id?: string;
                /**
                 * @description Resources of this kind, in singular or plural.
                 * @example service
                 */
                resource_kind?: string;
                /**
                 * @description The resource of that kind with this id.
                 * @example s1
                 */
                resource_id?: string;
                /** @description Made by this actor. */
                actor?: string;
                /** @description Made by this action, such as `group.rollback`. */
                action?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of events, each with those of its changes that were asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "from": 20,
                     *       "to": 71,
                     *       "events": [
                     *         {
                     *           "revision": 21,
                     *           "event_id": "01a207e8-4c08-72d5-91f1-29b464d20fe0",
                     *           "recorded_at": "2026-11-23T10:16:34.056892Z",
                     *           "action": "service.update",
                     *           "outcome": "success",
                     *           "actor": {
                     *             "id": "admin",
                     *             "kind": "admin_key",
                     *             "name": null,
                     *             "auth_method": "api_key",
                     *             "roles": [
                     *               "admin"
                     *             ]
                     *           },
                     *           "source": {
                     *             "ip": "127.0.0.1",
                     *             "user_agent": "Python-urllib/3.11",
                     *             "interface": "admin_api"
                     *           },
                     *           "reason": null,
                     *           "request_id": "01a207e8-4c08-72d5-91f1-29b32ff41281",
                     *           "trace_id": null,
                     *           "gateway_group_id": "default",
                     *           "resource": {
                     *             "kind": "service",
                     *             "id": "s1"
                     *           },
                     *           "causation_revision": null,
                     *           "error": null,
                     *           "changes": [
                     *             {
                     *               "key": "/apisix/services/s1",
                     *               "before": {
                     *                 "id": "s1",
                     *                 "name": "orders",
                     *                 "upstream_id": "u1",
                     *                 "create_time": 1795428994,
                     *                 "update_time": 1795428994,
                     *                 "desc": "all orders"
                     *               },
                     *               "after": {
                     *                 "id": "s1",
                     *                 "name": "orders",
                     *                 "upstream_id": "u1",
                     *                 "create_time": 1795428994,
                     *                 "update_time": 1795428994,
                     *                 "desc": "all orders"
                     *               },
                     *               "create_revision": 16,
                     *               "version": 4
                     *             }
                     *           ],
                     *           "redacted": [],
                     *           "leaf_hash": "904f1e82a9b0ad29764a28d4198952a8b798763ae14a5c7d1252240ff0734f72"
                     *         }
                     *       ],
                     *       "next_from": 21
                     *     }
                     */
                    "application/json": components["schemas"]["ChangePage"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Pruned"];
            503: components["responses"]["Unavailable"];
        };
    };
    getState: {
        parameters: {
            query?: {
                /**
                 * @description A revision, or a time (RFC 3339), which is the last revision until then. Without it: now.
                 * @example 20
                 */
                at?: number | string;
                /** @description The gateway group; without it that of the key, else `default`. */
                gateway_group_id?: string;
                /**
                 * @description Resources of this kind, in singular or plural.
                 * @example service
                 */
                resource_kind?: string;
                /**
                 * @description The resource of that kind with this id.
                 * @example s1
                 */
                resource_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Everything that there was. Keys that name no resource have no `kind` and no `id`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "revision": 20,
                     *       "recorded_at": "2026-11-23T10:16:34.053877Z",
                     *       "gateway_group_id": "default",
                     *       "total": 1,
                     *       "list": [
                     *         {
                     *           "key": "/apisix/services/s1",
                     *           "kind": "service",
                     *           "id": "s1",
                     *           "value": {
                     *             "id": "s1",
                     *             "name": "orders",
                     *             "upstream_id": "u1",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994,
                     *             "desc": "all orders"
                     *           },
                     *           "create_revision": 16,
                     *           "mod_revision": 20,
                     *           "version": 3
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["PastState"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Pruned"];
            503: components["responses"]["Unavailable"];
        };
    };
    getHistory: {
        parameters: {
            query?: {
                /** @description Gateway group. */
                gateway_group_id?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Kind of resource, in plural or singular.
                 * @example service
                 */
                kind: string;
                /**
                 * @description Id, or the username of a consumer.
                 * @example s1
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The versions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "versions": [
                     *         {
                     *           "revision": 21,
                     *           "recorded_at": "2026-11-23T10:16:34.056892Z",
                     *           "action": "service.update",
                     *           "actor": {
                     *             "id": "admin",
                     *             "kind": "admin_key",
                     *             "name": null,
                     *             "auth_method": "api_key",
                     *             "roles": [
                     *               "admin"
                     *             ]
                     *           },
                     *           "value": {
                     *             "id": "s1",
                     *             "name": "orders",
                     *             "upstream_id": "u1",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994,
                     *             "desc": "all orders"
                     *           }
                     *         },
                     *         {
                     *           "revision": 20,
                     *           "recorded_at": "2026-11-23T10:16:34.053877Z",
                     *           "action": "service.update",
                     *           "actor": {
                     *             "id": "admin",
                     *             "kind": "admin_key",
                     *             "name": null,
                     *             "auth_method": "api_key",
                     *             "roles": [
                     *               "admin"
                     *             ]
                     *           },
                     *           "value": {
                     *             "id": "s1",
                     *             "name": "orders",
                     *             "upstream_id": "u1",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994,
                     *             "desc": "all orders"
                     *           }
                     *         },
                     *         {
                     *           "revision": 17,
                     *           "recorded_at": "2026-11-23T10:16:34.044651Z",
                     *           "action": "service.update",
                     *           "actor": {
                     *             "id": "admin",
                     *             "kind": "admin_key",
                     *             "name": null,
                     *             "auth_method": "api_key",
                     *             "roles": [
                     *               "admin"
                     *             ]
                     *           },
                     *           "value": {
                     *             "id": "s1",
                     *             "name": "orders",
                     *             "upstream_id": "u1",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994
                     *           }
                     *         },
                     *         {
                     *           "revision": 16,
                     *           "recorded_at": "2026-11-23T10:16:34.035171Z",
                     *           "action": "service.create",
                     *           "actor": {
                     *             "id": "admin",
                     *             "kind": "admin_key",
                     *             "name": null,
                     *             "auth_method": "api_key",
                     *             "roles": [
                     *               "admin"
                     *             ]
                     *           },
                     *           "value": {
                     *             "name": "orders",
                     *             "upstream_id": "u1",
                     *             "id": "s1",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["History"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    rollback: {
        parameters: {
            query?: {
                /** @description Wait until the data planes of the gateway group serve the change, for at most 10 seconds; `X-Portolan-Applied: 41/42` then says on how many it is live, `X-Portolan-Revision` which revision that is. */
                wait?: components["parameters"]["Wait"];
            };
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description A revision since which the configuration of the gateway group must not have changed; else 412. */
                "If-Match"?: components["parameters"]["IfMatchRevision"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "to": 20,
                 *       "reason": "the change of the service broke the checkout"
                 *     }
                 */
                "application/json": components["schemas"]["RollbackRequest"];
            };
        };
        responses: {
            /** @description What changed, or would. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "dry_run": true,
                     *       "revision": null,
                     *       "from": 71,
                     *       "to": 20,
                     *       "changes": [
                     *         {
                     *           "key": "/apisix/consumers/jack",
                     *           "kind": "consumer",
                     *           "id": "jack",
                     *           "action": "delete",
                     *           "before": {
                     *             "username": "jack",
                     *             "desc": "the mobile app",
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994
                     *           },
                     *           "after": null
                     *         },
                     *         {
                     *           "key": "/apisix/routes/r1",
                     *           "kind": "route",
                     *           "id": "r1",
                     *           "action": "delete",
                     *           "before": {
                     *             "id": "r1",
                     *             "name": "orders",
                     *             "uri": "/orders/*",
                     *             "methods": [
                     *               "GET",
                     *               "POST"
                     *             ],
                     *             "service_id": "s1",
                     *             "plugins": {
                     *               "cors": {}
                     *             },
                     *             "create_time": 1795428994,
                     *             "update_time": 1795428994,
                     *             "priority": 10
                     *           },
                     *           "after": null
                     *         }
                     *       ],
                     *       "broken_references": []
                     *     }
                     */
                    "application/json": components["schemas"]["RollbackResult"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Pruned"];
            412: components["responses"]["PreconditionFailed"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    issueCertificate: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "kind": "data_plane",
                 *       "name": "dp-2",
                 *       "csr": "-----BEGIN CERTIFICATE REQUEST-----\nMIHKMHECAQAwDzENMAsGA1UEAwwEZHAtMjBZMBMGByqGSM49AgEGCCqGSM49AwEH\nA0IABPemYgdxfntS4u74dTMcer/xYHsGI02BDe2WmMY/DNcl1lD5b+cOEnkdJlPi\nPvaXsqE3glFYIb1JSQc7by2tq0ugADAKBggqhkjOPQQDAgNJADBGAiEA+08IVjRm\niSyX7Plgtc1L0IefzS7uUFXXezLHUlzAYDECIQDnL7VzBj8EJYdphsjk1sn40qOw\nBCyUTmsFKFtJVCjH6g==\n-----END CERTIFICATE REQUEST-----\n"
                 *     }
                 */
                "application/json": components["schemas"]["CertificateRequest"];
            };
        };
        responses: {
            /** @description The certificate. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "certificate": "-----BEGIN CERTIFICATE-----\nMIIByTCCAW+gAwIBAgIQe/K7NPn+J5eKkSWNlJj4zzAKBggqhkjOPQQDAjAyMREw\nDwYDVQQKDAhQb3J0b2xhbjEdMBsGA1UEAwwUUG9ydG9sYW4gaW50ZXJuYWwgQ0Ew\nHhcNMjYxMTIzMDkxNjM2WhcNMjcxMTIzMTAxNjM2WjAiMREwDwYDVQQKDAhQb3J0\nb2xhbjENMAsGA1UEAwwEZHAtMjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPem\nYgdxfntS4u74dTMcer/xYHsGI02BDe2WmMY/DNcl1lD5b+cOEnkdJlPiPvaXsqE3\nglFYIb1JSQc7by2tq0ujdzB1MB8GA1UdIwQYMBaAFHufbgHav3Ms0+W8bkPA9mQG\nQmfnMC0GA1UdEQQmMCSGInBvcnRvbGFuOi8vZGF0YS1wbGFuZS9kZWZhdWx0L2Rw\nLTIwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMCMAoGCCqGSM49\nBAMCA0gAMEUCIQCDMEWOXKm6EgWpmGKWAWJjHGhze6DACewJ5HBi3rlTLQIgHdWi\ngCVFdg7ILNRJpy0q0poZvjTQl7mYDAv3eQLwlgI=\n-----END CERTIFICATE-----\n",
                     *       "ca": "-----BEGIN CERTIFICATE-----\nMIIBpzCCAU2gAwIBAgIQQ39LX+LMxxrPLNHVKVeTYjAKBggqhkjOPQQDAjAyMREw\nDwYDVQQKDAhQb3J0b2xhbjEdMBsGA1UEAwwUUG9ydG9sYW4gaW50ZXJuYWwgQ0Ew\nHhcNMjYxMTIzMDkxNjMzWhcNMzYxMTIwMTAxNjMzWjAyMREwDwYDVQQKDAhQb3J0\nb2xhbjEdMBsGA1UEAwwUUG9ydG9sYW4gaW50ZXJuYWwgQ0EwWTATBgcqhkjOPQIB\nBggqhkjOPQMBBwNCAATzfok4cyIu/IK5z1msntv5osSHltTCAkJRSbDu+7PmKD14\nRG/WFBkKni3JZybF7F8Si/tmDvw9sGw6gnkE2Y5bo0UwQzAOBgNVHQ8BAf8EBAMC\nAQYwHQYDVR0OBBYEFHufbgHav3Ms0+W8bkPA9mQGQmfnMBIGA1UdEwEB/wQIMAYB\nAf8CAQAwCgYIKoZIzj0EAwIDSAAwRQIgFluWsHyBxgohpIUFGJQNs61S1G7x8hPi\nekUf58py4MgCIQCRNGwT3SpHOCy5+7Tjf8MExccsHXeIZqWkToVQNMdxuQ==\n-----END CERTIFICATE-----\n",
                     *       "serial": "7bf2bb34f9fe27978a91258d9498f8cf",
                     *       "not_after": "2027-11-23T10:16:36Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Certificate"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    revokeCertificate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The serial number: lower-case hex, without leading zeros.
                 * @example 7bf2bb34f9fe27978a91258d9498f8cf
                 */
                serial: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is revoked. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    getOpenapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description This document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            401: components["responses"]["Unauthenticated"];
            503: components["responses"]["Unavailable"];
        };
    };
    listGatewayGroups: {
        parameters: {
            query?: {
                /** @description Only the one of this name. */
                name?: string;
                /** @description Only those whose name holds this. */
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "total": 2,
                     *       "list": [
                     *         {
                     *           "id": "default",
                     *           "name": "default",
                     *           "labels": {},
                     *           "create_time": 0,
                     *           "update_time": 0,
                     *           "prefix": "/apisix/",
                     *           "data_planes": 1
                     *         },
                     *         {
                     *           "id": "prod",
                     *           "name": "prod",
                     *           "description": "what customers reach",
                     *           "labels": {
                     *             "stage": "prod"
                     *           },
                     *           "create_time": 1795428996,
                     *           "update_time": 1795428996,
                     *           "prefix": "/portolan/groups/prod/",
                     *           "data_planes": 0
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["GatewayGroupList"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    createGatewayGroup: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "prod",
                 *       "description": "what customers reach",
                 *       "labels": {
                 *         "stage": "prod"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["GatewayGroupFacts"];
            };
        };
        responses: {
            /** @description It. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "id": "prod",
                     *         "name": "prod",
                     *         "description": "what customers reach",
                     *         "labels": {
                     *           "stage": "prod"
                     *         },
                     *         "create_time": 1795428996,
                     *         "update_time": 1795428996,
                     *         "prefix": "/portolan/groups/prod/",
                     *         "data_planes": 0
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["GatewayGroupItem"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    getGatewayGroup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Its id.
                 * @example prod
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "id": "prod",
                     *         "name": "prod",
                     *         "description": "what customers reach",
                     *         "labels": {
                     *           "stage": "prod"
                     *         },
                     *         "create_time": 1795428996,
                     *         "update_time": 1795428996,
                     *         "prefix": "/portolan/groups/prod/",
                     *         "data_planes": 0
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["GatewayGroupItem"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateGatewayGroup: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `modifiedIndex` that the resource must have (0 = it must not exist), or `*` = it must exist; else 412. */
                "If-Match"?: components["parameters"]["IfMatch"];
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description Its id.
                 * @example prod
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "labels": {
                 *         "stage": "prod",
                 *         "region": "eu"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["GatewayGroupFacts"];
            };
        };
        responses: {
            /** @description It. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "id": "prod",
                     *         "name": "prod",
                     *         "description": "what customers reach",
                     *         "labels": {
                     *           "stage": "prod",
                     *           "region": "eu"
                     *         },
                     *         "create_time": 1795428996,
                     *         "update_time": 1795428996,
                     *         "prefix": "/portolan/groups/prod/",
                     *         "data_planes": 0
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["GatewayGroupItem"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteGatewayGroup: {
        parameters: {
            query?: {
                /** @description Delete its resources, too. */
                force?: boolean;
            };
            header?: {
                /** @description The `modifiedIndex` that the resource must have (0 = it must not exist), or `*` = it must exist; else 412. */
                "If-Match"?: components["parameters"]["IfMatch"];
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description Its id.
                 * @example prod
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            412: components["responses"]["PreconditionFailed"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    resetGatewayGroupKey: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description The gateway group.
                 * @example prod
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is shown this once. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "key": "a7adm-0123456789abcdef0123456789abcdef0123456789abcdef"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AdminKey"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    listUsers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "total": 2,
                     *       "list": [
                     *         {
                     *           "id": "01a207e8-574a-72fd-a6fc-5290878de164",
                     *           "username": "ann",
                     *           "roles": [
                     *             "viewer_id"
                     *           ],
                     *           "create_time": 1795428996,
                     *           "must_change_password": false
                     *         },
                     *         {
                     *           "id": "admin",
                     *           "username": "admin",
                     *           "roles": [
                     *             "super_admin_id"
                     *           ],
                     *           "create_time": 1795428993,
                     *           "must_change_password": false
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["UserList"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    getUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Its id.
                 * @example 01a207e8-574a-72fd-a6fc-5290878de164
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "id": "01a207e8-574a-72fd-a6fc-5290878de164",
                     *         "username": "ann",
                     *         "roles": [
                     *           "viewer_id"
                     *         ],
                     *         "create_time": 1795428996,
                     *         "must_change_password": false
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["UserItem"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteUser: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description Its id.
                 * @example 01a207e8-574a-72fd-a6fc-5290878de164
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    assignRoles: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description Its id.
                 * @example 01a207e8-574a-72fd-a6fc-5290878de164
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "roles": [
                 *         "viewer_id"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["AssignedRoles"];
            };
        };
        responses: {
            /** @description It. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "id": "01a207e8-574a-72fd-a6fc-5290878de164",
                     *         "username": "ann",
                     *         "roles": [
                     *           "viewer_id"
                     *         ],
                     *         "create_time": 1795428996,
                     *         "must_change_password": false
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["UserItem"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    listRoles: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "total": 2,
                     *       "list": [
                     *         {
                     *           "id": "super_admin_id",
                     *           "name": "admin"
                     *         },
                     *         {
                     *           "id": "viewer_id",
                     *           "name": "viewer"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["RoleList"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    invite: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "username": "ann",
                 *       "password": "correct horse battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["Invitation"];
            };
        };
        responses: {
            /** @description Its id. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "id": "01a207e8-574a-72fd-a6fc-5290878de164"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Invited"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "old_password": "correct horse battery staple",
                 *       "new_password": "a longer one that nobody guesses"
                 *     }
                 */
                "application/json": components["schemas"]["PasswordChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example {} */
                    "application/json": components["schemas"]["Empty"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["Reused"];
            429: components["responses"]["TooMany"];
            503: components["responses"]["Unavailable"];
        };
    };
    ignoreLicense: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "data": "none"
                 *     }
                 */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description Ignored. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example {} */
                    "application/json": components["schemas"]["Empty"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    listTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "total": 1,
                     *       "list": [
                     *         {
                     *           "id": "01a207e8-57b4-775e-a37c-a5020a1ebff5",
                     *           "name": "pipeline",
                     *           "create_time": 1795428997,
                     *           "expires_at": 0
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["TokenList"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "pipeline",
                 *       "expires_at": 0
                 *     }
                 */
                "application/json": components["schemas"]["TokenRequest"];
            };
        };
        responses: {
            /** @description It is shown this once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "id": "01a207e8-57b4-775e-a37c-a5020a1ebff5",
                     *         "name": "pipeline",
                     *         "create_time": 1795428997,
                     *         "expires_at": 0,
                     *         "token": "a7ee-0123456789abcdef0123456789abcdef0123456789abcdef"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["TokenCreated"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteToken: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path: {
                /**
                 * @description Its id.
                 * @example 01a207e8-57b4-775e-a37c-a5020a1ebff5
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    apply: {
        parameters: {
            query?: {
                /** @description The gateway group; without it that of the key, else `default`. */
                gateway_group_id?: string;
                /** @description Only look. */
                dry_run?: boolean;
                /** @description Delete even what is still in use. */
                force?: boolean;
                /** @description Why, for the log. */
                reason?: string;
                /** @description Wait until the data planes of the gateway group serve the change, for at most 10 seconds; `X-Portolan-Applied: 41/42` then says on how many it is live, `X-Portolan-Revision` which revision that is. */
                wait?: components["parameters"]["Wait"];
            };
            header?: {
                /** @description A revision since which the configuration of the gateway group must not have changed; else 412. */
                "If-Match"?: components["parameters"]["IfMatchRevision"];
                /** @description A request that comes again with the same key, method, path and body gets its first answer, for a week; with another body it is refused with 422. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "changes": [
                 *         {
                 *           "action": "put",
                 *           "kind": "services",
                 *           "id": "s1",
                 *           "value": {
                 *             "name": "orders",
                 *             "upstream_id": "u1",
                 *             "desc": "v2"
                 *           }
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["ChangeList"] | components["schemas"]["DesiredState"];
                "application/yaml": components["schemas"]["ChangeList"] | components["schemas"]["DesiredState"];
            };
        };
        responses: {
            /** @description What changed, or would. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "dry_run": true,
                     *       "revision": null,
                     *       "from": 71,
                     *       "changes": [
                     *         {
                     *           "action": "update",
                     *           "kind": "service",
                     *           "id": "s1",
                     *           "name": "orders",
                     *           "key": "/apisix/services/s1",
                     *           "fields": [
                     *             {
                     *               "path": "/desc",
                     *               "before": "all orders",
                     *               "after": "v2"
                     *             }
                     *           ]
                     *         }
                     *       ],
                     *       "errors": []
                     *     }
                     */
                    "application/json": components["schemas"]["ApplyResult"];
                };
            };
            /** @description All that is wrong; nothing was changed. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problems"] | components["schemas"]["Error"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            412: components["responses"]["PreconditionFailed"];
            422: components["responses"]["Reused"];
            503: components["responses"]["Unavailable"];
        };
    };
    export: {
        parameters: {
            query?: {
                /** @description The gateway group; without it that of the key, else `default`. */
                gateway_group_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "services": [
                     *         {
                     *           "id": "s1",
                     *           "name": "orders",
                     *           "upstream_id": "u1",
                     *           "desc": "all orders",
                     *           "routes": [
                     *             {
                     *               "id": "r1",
                     *               "name": "orders",
                     *               "uri": "/orders/*",
                     *               "methods": [
                     *                 "GET",
                     *                 "POST"
                     *               ],
                     *               "plugins": {
                     *                 "cors": {}
                     *               },
                     *               "priority": 10
                     *             }
                     *           ]
                     *         }
                     *       ],
                     *       "consumers": [
                     *         {
                     *           "username": "jack",
                     *           "desc": "the mobile app"
                     *         }
                     *       ],
                     *       "upstreams": [
                     *         {
                     *           "id": "u1",
                     *           "type": "roundrobin",
                     *           "nodes": {
                     *             "10.0.0.5:8080": 1
                     *           },
                     *           "name": "orders",
                     *           "retries": 2
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["DesiredState"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
    version: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": "3.10.1"
                     *     }
                     */
                    "application/json": components["schemas"]["VersionFacts"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    coreSchemas: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "value": {
                     *         "global_rule": {
                     *           "type": "object",
                     *           "required": [
                     *             "plugins"
                     *           ],
                     *           "properties": {
                     *             "plugins": {
                     *               "type": "object"
                     *             }
                     *           }
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["CoreSchemas"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
    listInstances: {
        parameters: {
            query?: {
                /** @description Only those of this gateway group. */
                gateway_group_id?: string;
                /** @description The revision asked about; without it the newest. */
                revision?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "revision": 71,
                     *       "live": 1,
                     *       "total": 1,
                     *       "list": [
                     *         {
                     *           "id": "7c6a1689-aeb2-4c99-8a69-353ffe55e2d8",
                     *           "name": "dp-1",
                     *           "gateway_group_id": "default",
                     *           "kind": "portolan",
                     *           "version": "0.0.0",
                     *           "started_at": 1795428993,
                     *           "applied_revision": 69,
                     *           "resource_errors": 0,
                     *           "last_error": null,
                     *           "live": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["InstanceList"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
        };
    };
}
