#!/usr/bin/env bash
# A real Kubernetes API server for custom resources: apiextensions-apiserver and etcd, both from Debian's own packages.
# It has no core resources (namespaces, secrets, events) and no Stork.
#
#   kube-api.sh build         unpacks and compiles once (some 5 minutes on two cores), keeps about 100 MB
#   kube-api.sh start [DIR]   prints KUBE_SERVER, KUBE_CA, KUBE_CERT, KUBE_KEY, KUBE_DIR; builds first when it has to
#   kube-api.sh stop DIR      ends what 'start' left running and removes its state
#
# Elsewhere: with KUBE_SERVER, KUBE_CA, KUBE_CERT and KUBE_KEY set, 'start' only prints them. KUBECONFIG (flattened, with a client
# certificate) is used only together with PXBACKUP_USE_KUBECONFIG=1: the suites create and delete, and a KUBECONFIG left in
# somebody's shell may belong to a cluster that matters.
PEER=kube-api
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"
ROOT=$PEERS_CACHE/kube-api

make_kube_api() {
  local dir=$1 root=$1/root go
  unpack sid "$root" golang-go,golang-k8s-apiextensions-apiserver-dev,etcd-server
  mkdir -p "$root/proc" "$root/tmp" "$root/root" "$dir/bin" "$dir/lib"
  go=$(basename "$(ls -d "$root"/usr/lib/go-* | head -n 1)")
  # /proc is mounted in a namespace of its own: it goes away with the compiler, whatever happens.
  nice unshare --mount --pid --fork --mount-proc="$root/proc" chroot "$root" /usr/bin/env -i GOROOT="/usr/lib/$go" GO111MODULE=off \
    GOPATH=/usr/share/gocode GOCACHE=/tmp/gocache GOTELEMETRY=off CGO_ENABLED=0 HOME=/root PATH="/usr/lib/$go/bin:/usr/bin:/bin" \
    go build -ldflags '-s -w' -o /tmp/apiextensions-apiserver k8s.io/apiextensions-apiserver
  cp "$root/tmp/apiextensions-apiserver" "$root/usr/bin/etcd" "$dir/bin/"
  # etcd is linked against sid's libc: it runs with the loader and the libraries it came with.
  cp -L "$root"/lib*/ld-linux-*.so.* "$root"/usr/lib/*-linux-gnu/libc.so.6 "$root"/usr/lib/*-linux-gnu/libresolv.so.2 "$dir/lib/"
  rm -rf "$root"
}

build() {
  need_root "or set KUBE_SERVER, KUBE_CA, KUBE_CERT and KUBE_KEY to use a server elsewhere"
  build_once kube-api 1 make_kube_api "5 minutes"
}

# sign DIR NAME SUBJECT EXTENSIONS: a key and a certificate of our test authority.
sign() {
  openssl req -newkey rsa:2048 -nodes -subj "$3" -keyout "$1/$2.key" -out "$1/$2.csr"
  openssl x509 -req -in "$1/$2.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 2 -extfile <(printf '%s\n' "$4") -out "$1/$2.crt"
}

certificates() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pxbackup-test-authority -addext basicConstraints=critical,CA:TRUE \
    -keyout "$1/ca.key" -out "$1/ca.crt"
  sign "$1" server /CN=kube-api 'subjectAltName=IP:127.0.0.1,DNS:localhost'
  # The delegated authorizer lets this group pass without asking a core API server, which is not there.
  sign "$1" admin /O=system:masters/CN=pxbackup-tests 'extendedKeyUsage=clientAuth'
}

answers() {
  running "$1/apiserver.pid" && running "$1/etcd.pid" || exit 2
  curl -sf --max-time 2 --noproxy '*' --cacert "$1/ca.crt" --cert "$1/admin.crt" --key "$1/admin.key" "https://127.0.0.1:$2/version"
}

# One attempt on ports that looked free. /readyz never turns green without a core server: /version says that it answers.
attempt() {
  local dir=$1 port=$2 etcd peer until=$((SECONDS + 60))
  etcd=http://127.0.0.1:$(free_port) peer=http://127.0.0.1:$(free_port)
  rm -rf "$dir/etcd"
  launch "$dir" etcd "$ROOT"/lib/ld-linux-*.so.* --library-path "$ROOT/lib" "$ROOT/bin/etcd" --data-dir "$dir/etcd" --unsafe-no-fsync \
    --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
  wait_for 20 curl -sf --max-time 2 --noproxy '*' "$etcd/health" || return 1
  launch "$dir" apiserver "$ROOT/bin/apiextensions-apiserver" --etcd-servers "$etcd" --secure-port "$port" --bind-address 127.0.0.1 \
    --tls-cert-file "$dir/server.crt" --tls-private-key-file "$dir/server.key" --client-ca-file "$dir/ca.crt" --cert-dir "$dir" \
    --kubeconfig "$dir/nowhere.yaml" --authentication-kubeconfig "$dir/nowhere.yaml" --authorization-kubeconfig "$dir/nowhere.yaml" \
    --authentication-skip-lookup --authentication-tolerate-lookup-failure --enable-priority-and-fairness=false \
    --disable-admission-plugins NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,ValidatingAdmissionPolicy,MutatingAdmissionPolicy
  while [ $SECONDS -lt $until ]; do
    running "$dir/etcd.pid" && running "$dir/apiserver.pid" || return 1
    (answers "$dir" "$port") >/dev/null 2>&1 && return 0
    sleep 0.2
  done
  return 1
}

start() {
  if [ -n "${KUBE_SERVER:-}" ]; then
    printf 'KUBE_SERVER=%s\nKUBE_CA=%s\nKUBE_CERT=%s\nKUBE_KEY=%s\nKUBE_DIR=\n' "$KUBE_SERVER" "${KUBE_CA:?}" "${KUBE_CERT:?}" "${KUBE_KEY:?}"
    return
  fi
  [ "${PXBACKUP_USE_KUBECONFIG:-}" = 1 ] && { from_kubeconfig "${1:-}"; return; }
  build
  local dir port try
  dir=$(state_dir "${1:-}")
  chmod 700 "$dir"
  certificates "$dir" >"$dir/certificates.out" 2>&1 || fail "openssl could not make certificates: $(tail -n 1 "$dir/certificates.out")"
  printf 'apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n' >"$dir/nowhere.yaml"
  for try in 1 2 3; do
    port=$(free_port)
    if attempt "$dir" "$port"; then
      printf 'KUBE_SERVER=https://127.0.0.1:%s\nKUBE_CA=%s\nKUBE_CERT=%s\nKUBE_KEY=%s\nKUBE_DIR=%s\n' "$port" "$dir/ca.crt" "$dir/admin.crt" "$dir/admin.key" "$dir"
      end_with_owner "$dir"
      return
    fi
    say "attempt $try did not answer: $(tail -qn 1 "$dir"/apiserver.out "$dir"/etcd.out 2>/dev/null | cut -c 1-300 | tr '\n' ' ')"
    stop_daemon "$dir/apiserver.pid"
    stop_daemon "$dir/etcd.pid"
  done
  rm -rf "$dir"
  fail "did not start"
}

from_kubeconfig() {
  local dir file=${KUBECONFIG:-$HOME/.kube/config} key
  dir=$(state_dir "${1:-}")
  chmod 700 "$dir"
  value() { sed -nE "s/^[- ]*$1:[[:space:]]*\"?([^\"[:space:]]+)\"?.*/\1/p" "$file" | head -n 1; }
  for key in certificate-authority-data client-certificate-data client-key-data; do
    [ -n "$(value $key)" ] || { rm -rf "$dir"; fail "$file has no $key: write one with 'kubectl config view --raw --minify --flatten'"; }
    value $key | base64 -d >"$dir/$key"
  done
  printf 'KUBE_SERVER=%s\nKUBE_CA=%s\nKUBE_CERT=%s\nKUBE_KEY=%s\nKUBE_DIR=%s\n' "$(value server)" "$dir/certificate-authority-data" \
    "$dir/client-certificate-data" "$dir/client-key-data" "$dir"
}

case ${1:-} in
  build) build ;;
  start) start "${2:-}" ;;
  stop) [ -z "${2:-}" ] || stop_all "$2" apiserver etcd ;;
  *) fail "usage: kube-api.sh build | start [DIR] | stop DIR" ;;
esac
