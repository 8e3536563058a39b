namespace Managed.AdminApi.Endpoints;

internal static class ConfigExamples
{
    public const string Document = """
        listeners:
        - name: edge
          address: 127.0.0.1:10000
          routes:
          - {match: {prefix: /}, route: {cluster: web, timeout: 5s}}
        clusters:
        - {name: web, endpoints: [127.0.0.1:8080]}
        """;

    public const string Diff = """
        {"from":"v40","to":"v42","summary":{"added":0,"changed":1,"removed":0,"resources":{"clusters":{"added":[],"changed":["web"],"removed":[]}}},
         "operations":[{"op":"replace","pointer":"#/clusters/0/lb_policy","where":"clusters[web].lb_policy","kind":"cluster","name":"web","from":"ROUND_ROBIN","to":"RANDOM"}]}
        """;

    public const string Version = """
        {"version":42,"created_at":"2026-11-22T22:41:00Z","author":"admin","source":"api","comment":"add h2","labels":{},"pinned":false,"base_version":41,"restores":null,"reverts":null,
         "state":"active","summary":{"added":0,"changed":1,"removed":0,"resources":{"listeners":{"added":[],"changed":["edge"],"removed":[]}}},"modules":[],"digest":"sha256:…","deployment":"d-00000042"}
        """;

    public const string Deployment = """
        {"id":"d-00000042","version":42,"previous_version":41,"state":"applied","created_at":"2026-11-22T22:41:00Z","finished_at":"2026-11-22T22:41:00.038Z","confirm_by":null,
         "prepare_ms":4.1,"duration_ms":6.3,"workers":[{"id":0,"state":"applied","version":42,"prepare_ms":0.2,"ack_ms":1.1,"error":null}],"drains":[],"errors":[],"error":null,"revert_if":null,"conditions":null}
        """;
}
