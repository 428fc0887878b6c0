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
            store: "sqlite" | "postgres";
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
            idempotency_key: string | null;
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
    };
    parameters: never;
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
            header?: never;
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
                kind: "routes" | "services" | "upstreams" | "consumers";
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
                kind: "routes" | "services" | "upstreams" | "consumers";
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
            header?: never;
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
            503: components["responses"]["Unavailable"];
        };
    };
    issueCertificate: {
        parameters: {
            query?: never;
            header?: never;
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
}
