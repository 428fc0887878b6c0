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
            leaf_hash: string;
        };
        EventPage: {
            /** Format: int64 */
            head: number;
            events: components["schemas"]["Event"][];
            /** Format: int64 */
            next_before: number | null;
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
                "application/json": components["schemas"]["Credentials"];
            };
        };
        responses: {
            /** @description The session's cookie `portolan_session` is set. */
            200: {
                headers: {
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
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
                /** @description Gateway group. */
                group: string;
                /** @description Kind of resource, in plural. */
                kind: "routes" | "services" | "upstreams" | "consumers" | "credentials" | "ssls" | "global_rules" | "plugin_configs" | "consumer_groups" | "plugin_metadata" | "protos" | "stream_routes" | "secrets";
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
                /** @description Gateway group. */
                group: string;
                /** @description Kind of resource, in plural. */
                kind: "routes" | "services" | "upstreams" | "consumers" | "credentials" | "ssls" | "global_rules" | "plugin_configs" | "consumer_groups" | "plugin_metadata" | "protos" | "stream_routes" | "secrets";
                /** @description Id, or the username of a consumer. */
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
                /** @description Events in the answer. */
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
                /** @description Resources of this kind. */
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
                /** @description Its revision. */
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
                    "application/json": components["schemas"]["Event"];
                };
            };
            400: components["responses"]["Invalid"];
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
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
                /** @description Kind of resource, in plural or singular. */
                kind: string;
                /** @description Id, or the username of a consumer. */
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
            query?: never;
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
                    "application/json": components["schemas"]["RollbackResult"];
                };
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
                /** @description The serial number: lower-case hex, without leading zeros. */
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
                /** @description Its id. */
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
                /** @description Its id. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
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
                /** @description Its id. */
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
                /** @description The gateway group. */
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
                    "application/json": components["schemas"]["AdminKey"];
                };
            };
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
                /** @description Its id. */
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
                /** @description Its id. */
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
                /** @description Its id. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
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
                /** @description Its id. */
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
                    "application/json": components["schemas"]["DesiredState"];
                };
            };
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
                    "application/json": components["schemas"]["CoreSchemas"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            503: components["responses"]["Unavailable"];
        };
    };
}
