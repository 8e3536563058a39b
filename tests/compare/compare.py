#!/usr/bin/env python3
"""Side by side: what one proxied request costs in CPU time in this project and in its peers.

Every proxy runs one worker pinned to core 0; the load generator and the upstream share core 1.
Rounds are interleaved (A B C A B C ...), so a drift of the machine touches all of them alike.
The figure is CPU microseconds of the proxy process (user + system) per request, and the median of the rounds' ratios to nginx:
these machines change their speed within seconds, so many short rounds say more than a few long ones (three of 4 s gave 0.52 and 0.94 for one build).

  compare.py [--cases h1,h1-100k,...] [--rounds 11] [--seconds 2] [--only nginx,haproxy,managed] [--json FILE]

Run it in the project's root: python3 tests/compare/compare.py --cases h1,h1-10k,tcp,newconn. managed.sh beside this file builds and starts the project with only the listeners that the cases need.
Needs: nginx-core libnginx-mod-stream libnginx-mod-http-lua haproxy wrk nghttp2-client (setup.sh installs them).
"""
import argparse, json, os, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TMP = tempfile.mkdtemp(prefix="compare-")
UP, UPH2C = 19001, 19003
PORTS = {  # peer -> base port; +0 http, +1 tls, +2 tcp, +3 http with a Lua header filter, +4 http with HTTP/2 without TLS to the upstream, +5 http with gzip
    "nginx": 19100, "haproxy": 19200, "managed": 19300}
CASES = {
    "h1":      ("wrk", 0, "/", 64),
    "h1-10k":  ("wrk", 0, "/10k", 64),
    "h1-1m":   ("wrk", 0, "/1m", 16),
    "tls":     ("wrk", 1, "/", 64),
    "tls-1m":  ("wrk", 1, "/1m", 16),
    "tls-new": ("ab", 1, "/", 32),          # a full handshake for each request
    "h2-tls":  ("h2load", 1, "/", 16),      # 8 streams at a time on each connection
    "h2-tls-1": ("h2load1", 1, "/", 16),    # one stream at a time
    "tcp":     ("wrk", 2, "/", 64),
    "lua":     ("wrk", 3, "/", 64),
    "newconn": ("ab", 0, "/", 32),
    "h2c-up":  ("wrk", 4, "/", 64),         # nginx cannot: the ratio is to HAProxy
    "gzip":    ("wrk-gzip", 5, "/text", 16), # 18 KB of JSON at level 6, window and memory as zlib's defaults
}

def write(name, text):
    p = os.path.join(TMP, name); open(p, "w").write(text); return p

def port_open(p, wait=10.0):
    end = time.time() + wait
    while time.time() < end:
        try: socket.create_connection(("127.0.0.1", p), 0.3).close(); return True
        except OSError: time.sleep(0.1)
    return False

def cpu_us(pids):
    """user+system CPU of the processes in microseconds, from each process's own CPU clock (threads that have ended count)."""
    total = 0.0
    for p in pids:
        try: total += time.clock_gettime(((~p) << 3) | 2)
        except OSError: pass
    return total * 1e6

def rss_mb(pids):
    kb = 0
    for p in pids:
        try: kb += int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{p}/status").read()).group(1))
        except (OSError, AttributeError): pass
    return kb / 1024

def kids(p):
    out = subprocess.run(["pgrep", "-P", str(p)], capture_output=True, text=True).stdout.split()
    return [int(x) for x in out]

started = []
def spawn(cmd, core, **kw):
    p = subprocess.Popen(["taskset", "-c", str(core)] + cmd, stdout=subprocess.DEVNULL, stderr=open(os.path.join(TMP, "err"), "a"), start_new_session=True, **kw)
    started.append(p); return p

def cleanup():
    for p in started:
        try: os.killpg(p.pid, signal.SIGTERM)
        except ProcessLookupError: pass
    time.sleep(0.3); shutil.rmtree(TMP, ignore_errors=True)

def upstream():
    os.makedirs(os.path.join(TMP, "www"))
    open(os.path.join(TMP, "www/10k"), "wb").write(os.urandom(10 * 1024))
    open(os.path.join(TMP, "www/text"), "w").write(json.dumps([{"id": i, "name": f"item {i * 7919 % 1000}", "price": i * 37 % 9973 / 100,
        "tags": ["new", "sale", "red"][i % 3:], "stock": i * i % 211} for i in range(210)]))
    open(os.path.join(TMP, "www/1m"), "wb").write(os.urandom(1 << 20))
    c = write("up.conf", f"""user root; worker_processes 1; daemon off; pid {TMP}/up.pid; error_log {TMP}/up.err;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000; open_file_cache max=100; sendfile on; tcp_nopush on;
 server {{ listen 127.0.0.1:{UP} backlog=8192; root {TMP}/www; default_type application/octet-stream;
  location = /text {{ default_type application/json; }}
  location = / {{ default_type text/plain; return 200 "hello from the upstream, a small body of text to send back.\\n"; }} }}
 server {{ listen 127.0.0.1:{UPH2C} http2 backlog=8192; default_type text/plain; http2_max_requests 1000000000;
  location = / {{ return 200 "hello from the upstream, a small body of text to send back.\\n"; }} }} }}""")
    spawn(["nginx", "-c", c], 1); assert port_open(UP), "upstream"

def cert():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", f"{TMP}/key.pem", "-out", f"{TMP}/cert.pem"], check=True, capture_output=True)
    open(f"{TMP}/both.pem", "w").write(open(f"{TMP}/cert.pem").read() + open(f"{TMP}/key.pem").read())

def nginx(_):
    b = PORTS["nginx"]
    loc = 'location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Request-Id $request_id; }'
    c = write("ngx.conf", f"""load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module /usr/lib/nginx/modules/ngx_http_lua_module.so; load_module /usr/lib/nginx/modules/ngx_stream_module.so;
user root; worker_processes 1; daemon off; pid {TMP}/ngx.pid; error_log {TMP}/ngx.err;
events {{ worker_connections 16384; }}
stream {{ upstream t {{ server 127.0.0.1:{UP}; }} server {{ listen 127.0.0.1:{b+2} backlog=8192; proxy_pass t; }} }}
http {{ access_log off; keepalive_requests 1000000000; upstream u {{ server 127.0.0.1:{UP}; keepalive 512; keepalive_requests 1000000000; }}
 server {{ listen 127.0.0.1:{b} backlog=8192; {loc} }}
 server {{ listen 127.0.0.1:{b+1} ssl http2 backlog=8192; ssl_certificate {TMP}/cert.pem; ssl_certificate_key {TMP}/key.pem; ssl_protocols TLSv1.3; {loc} }}
 server {{ listen 127.0.0.1:{b+3} backlog=8192; access_by_lua_block {{ ngx.req.set_header("x-lua", ngx.req.get_method() .. ngx.var.uri) }} header_filter_by_lua_block {{ ngx.header["x-lua-resp"] = "1" }} {loc} }}
 server {{ listen 127.0.0.1:{b+5} backlog=8192; gzip on; gzip_comp_level 6; gzip_types application/json; gzip_proxied any; gzip_min_length 30; {loc} }} }}""")
    p = spawn(["nginx", "-c", c], 0); return (p.pid, b)

def haproxy(_):
    b = PORTS["haproxy"]
    lua = write("f.lua", """core.register_action("mark", {"http-req"}, function(txn) txn.http:req_set_header("x-lua", txn.sf:method() .. txn.sf:path()) end)
core.register_action("markr", {"http-res"}, function(txn) txn.http:res_set_header("x-lua-resp", "1") end)
""")
    c = write("ha.cfg", f"""global
  nbthread 1
  maxconn 8192
  lua-load {lua}
  tune.comp.maxlevel 6
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option forwardfor
  unique-id-format %[uuid()]
  unique-id-header x-request-id
frontend f
  bind 127.0.0.1:{b} backlog 8192
  default_backend b
frontend ft
  bind 127.0.0.1:{b+1} ssl crt {TMP}/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.3 backlog 8192
  default_backend b
frontend tcpf
  mode tcp
  bind 127.0.0.1:{b+2} backlog 8192
  default_backend bt
frontend fl
  bind 127.0.0.1:{b+3} backlog 8192
  http-request lua.mark
  http-response lua.markr
  default_backend b
frontend fh
  bind 127.0.0.1:{b+4} backlog 8192
  default_backend bh
backend bh
  server s 127.0.0.1:{UPH2C} proto h2
frontend fg
  bind 127.0.0.1:{b+5} backlog 8192
  filter compression
  compression algo gzip
  compression type application/json
  default_backend b
backend b
  server s 127.0.0.1:{UP}
backend bt
  mode tcp
  server s 127.0.0.1:{UP}
""")
    p = spawn(["haproxy", "-f", c], 0); return (p.pid, b)

def managed(cases):
    """The project in the current folder (or $MANAGED_ROOT), built by managed.sh beside this file, with one worker."""
    b = PORTS["managed"]; offsets = sorted({CASES[c][1] for c in cases})
    p = spawn(["bash", os.path.join(HERE, "managed.sh"), str(b), str(UP), f"{TMP}/cert.pem", f"{TMP}/key.pem", " ".join(map(str, offsets))], 0)
    return (p.pid, b) if port_open(b + offsets[-1], 300) else None

def tree(pid):
    out, todo = [], [pid]
    while todo:
        p = todo.pop(); out.append(p); todo += kids(p)
    return out

def load(tool, port, path, conns, seconds, tls):
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{path}"
    pre = ["taskset", "-c", "1"]
    if tool in ("wrk", "wrk-gzip"):
        o = subprocess.run(pre + ["wrk", *(["-H", "Accept-Encoding: gzip"] if tool == "wrk-gzip" else []), "-t1", f"-c{conns}", f"-d{seconds}s", "--latency", url], capture_output=True, text=True).stdout
        n = int(re.search(r"(\d+) requests in", o).group(1)); bad = re.search(r"Non-2xx.*: (\d+)", o); err = re.search(r"Socket errors: (.*)", o)
        m = re.search(r"99%\s+([\d.]+)(us|ms|s)", o); p99 = float(m.group(1)) * {"us": .001, "ms": 1, "s": 1000}[m.group(2)] if m else 0
        return n, (int(bad.group(1)) if bad else 0), (err.group(1) if err else ""), p99
    if tool in ("h2load", "h2load1"):
        o = subprocess.run(pre + ["h2load", "-c", str(conns), "-m", "1" if tool == "h2load1" else "8", "-D", str(seconds), url], capture_output=True, text=True).stdout
        m = re.search(r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed", o)
        if not m: return 0, 1, o[-200:], 0
        return int(m.group(3)), int(m.group(2)) - int(m.group(3)), "", 0
    if tool == "ab":
        o = subprocess.run(pre + ["ab", "-q", "-t", str(seconds), "-n", "1000000", "-c", str(conns), url], capture_output=True, text=True).stdout
        m = re.search(r"Complete requests:\s+(\d+)", o); f = re.search(r"Failed requests:\s+(\d+)", o)
        return (int(m.group(1)) if m else 0), (int(f.group(1)) if f else 1), "", 0

def main():
    ap = argparse.ArgumentParser(); ap.add_argument("--cases", default="h1,h1-10k,h1-1m,tls,h2-tls,tcp,lua,newconn"); ap.add_argument("--rounds", type=int, default=11)
    ap.add_argument("--seconds", type=int, default=2); ap.add_argument("--only", default="nginx,haproxy,managed"); ap.add_argument("--json")
    ap.add_argument("--limit", help="CASE=RATIO,...: exit 1 where managed's CPU per request is over RATIO times nginx's")
    a = ap.parse_args(); result = {}
    try:
        upstream(); cert(); who = {}
        for n in a.only.split(","):
            r = {"nginx": nginx, "haproxy": haproxy, "managed": managed}[n](a.cases.split(","))
            if r and (n == "managed" or port_open(r[1])): who[n] = r
            else: print(f"# {n} did not start", file=sys.stderr)
        for c in a.cases.split(","):
            tool, off, path, conns = CASES[c]; rows = {n: [] for n in who}
            for rnd in range(a.rounds + 1):
                for n, (pid, base) in who.items():
                    if n == "nginx" and off == 4: continue
                    pids = tree(pid); t0 = cpu_us(pids)
                    cnt, bad, err, p99 = load(tool, base + off, path, conns, a.seconds if rnd else 2, off == 1)
                    if rnd and cnt: rows[n].append((( cpu_us(pids) - t0) / cnt, cnt / a.seconds, p99, bad, err, rss_mb(pids)))
            peer = "nginx" if rows.get("nginx") else "haproxy"; ref = rows.get(peer)
            for n, r in rows.items():
                if not r: print(f"{c:8} {n:8} no answers"); continue
                m = statistics.median(x[0] for x in r); ratio = statistics.median(x[0] / y[0] for x, y in zip(r, ref)) if ref else None  # per round: a drift of the machine touches both
                result[f"{c}/{n}"] = dict(cpu_us=round(m, 2), ratio=round(ratio, 3) if ratio else None, rps=round(statistics.median(x[1] for x in r)), p99_ms=round(statistics.median(x[2] for x in r), 2), failed=sum(x[3] for x in r), rss_mb=round(r[-1][5], 1))
                q = result[f"{c}/{n}"]; print(f"{c:8} {n:8} cpu {q['cpu_us']:9.2f} us/req  x {peer} {q['ratio']}  rps {q['rps']:7}  p99 {q['p99_ms']} ms  failed {q['failed']} {r[-1][4]} rss {q['rss_mb']} MB", flush=True)
    finally: cleanup()
    if a.json: json.dump(result, open(a.json, "w"), indent=1)
    if a.limit:
        worst = [(c, result.get(f"{c}/managed", {}).get("ratio"), float(l)) for c, l in (x.split("=") for x in a.limit.split(","))]
        print("managed / nginx: " + ", ".join(f"{c} {r} (limit {l})" for c, r, l in worst)); sys.exit(any(r is None or r > l for _, r, l in worst))

signal.signal(signal.SIGTERM, lambda *_: (cleanup(), sys.exit(143)))
if __name__ == "__main__": main()
