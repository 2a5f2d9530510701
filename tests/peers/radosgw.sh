#!/usr/bin/env bash
# A real S3 server: Ceph's radosgw with one monitor and one storage daemon in memory, from Debian's packages.
#
#   radosgw.sh build         unpacks once (half a minute), about 700 MB
#   radosgw.sh start [DIR]   prints S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY, S3_DIR; unpacks first when it has to (start: 15 s)
#   radosgw.sh stop DIR      ends what 'start' left running and removes its state
#
# Elsewhere: with S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY set, 'start' only prints them.
PEER=radosgw
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"
ROOT=$PEERS_CACHE/radosgw
UIDS=7002:7002
FSID=11111111-2222-3333-4444-555555555555

make_radosgw() {
  unpack trixie "$1" radosgw,ceph-mon,ceph-osd,ceph-common
  mkdir -p "$1/state" "$1/tmp"
  chmod 1777 "$1/tmp"
  printf 'root:x:0:0::/root:/bin/sh\nceph:x:7002:7002::/state:/bin/sh\n' >"$1/etc/passwd"
  printf 'root:x:0:\nceph:x:7002:\n' >"$1/etc/group"
  printf '127.0.0.1 localhost\n' >"$1/etc/hosts"
  rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/var/cache/apt" "$1/var/lib/apt"
}

build() {
  need_root "or set S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY to use a server elsewhere"
  build_once radosgw 1 make_radosgw "half a minute"
}

# ENTER DIR ROOT COMMAND...: in the root, as ceph, DIR as /state. The mount lives in a namespace that ends with the command,
# so that any number of servers share one root.
ENTER=(unshare --mount sh -c 'mount --bind "$1" "$2/state" && root=$2 && shift 2 && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/state LANG=C.UTF-8 chroot --userspec='$UIDS' "$root" "$@"' enter)

inside() { local state=$1/ceph; shift; "${ENTER[@]}" "$state" "$ROOT" "$@"; }

configuration() { # monitor's port, gateway's port
  cat <<END
[global]
fsid = $FSID
mon_initial_members = a
mon_host = v1:127.0.0.1:$1/0
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr2 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = /state/run
admin_socket = /state/run/\$name.asok
log_file = /state/log/\$name.log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
[mon]
mon_data = /state/mon
[osd]
osd_data = /state/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_memory_target = 939524096
osd_class_dir = $(cd "$ROOT" && ls -d usr/lib/*-linux-gnu/rados-classes | sed 's#^#/#')
[client]
rgw_frontends = beast endpoint=127.0.0.1:$2
rgw_thread_pool_size = 64
rgw_enable_ops_log = false
END
}

# A fresh storage daemon now and then asks the monitor before it has the map and exits with "wrong fsid": it is started again.
storage() {
  local dir=$1 try until
  for try in 1 2 3 4 5; do
    launch "$dir" osd "${ENTER[@]}" "$dir/ceph" "$ROOT" ceph-osd -c /state/ceph.conf -i 0 -f
    until=$((SECONDS + 20))
    while running "$dir/osd.pid" && [ $SECONDS -lt $until ]; do
      grep -qs 'state: booting -> active' "$dir/ceph/log/osd.0.log" && return 0
      sleep 0.2
    done
    stop_daemon "$dir/osd.pid"
  done
  say "the storage daemon did not become active ($try tries)"
  return 1
}

attempt() {
  local dir=$1 port=$2 access=$3 secret=$4 monitor osd=22222222-2222-3333-4444-555555555555
  monitor=$(free_port)
  rm -rf "$dir/ceph"
  mkdir -p "$dir"/ceph/{log,run,mon,osd}
  configuration "$monitor" "$port" >"$dir/ceph/ceph.conf"
  chown -R $UIDS "$dir/ceph"
  {
    inside "$dir" monmaptool --create --clobber --fsid $FSID --addv a "[v1:127.0.0.1:$monitor]" /state/monmap &&
      inside "$dir" ceph-mon -c /state/ceph.conf -i a --mkfs --monmap /state/monmap
  } >>"$dir/mon.out" 2>&1 || return 1
  launch "$dir" mon "${ENTER[@]}" "$dir/ceph" "$ROOT" ceph-mon -c /state/ceph.conf -i a -f
  wait_for 30 inside "$dir" ceph -c /state/ceph.conf --connect-timeout 5 osd new $osd || return 1
  inside "$dir" ceph-osd -c /state/ceph.conf -i 0 --mkfs --osd-uuid $osd >>"$dir/osd.out" 2>&1 || return 1
  storage "$dir" || return 1
  launch "$dir" rgw "${ENTER[@]}" "$dir/ceph" "$ROOT" radosgw -c /state/ceph.conf -n client.rgw -f
  wait_for 60 eval "! running '$dir/rgw.pid' || curl -sf --max-time 5 --noproxy '*' http://127.0.0.1:$port/" || return 1
  running "$dir/rgw.pid" || return 1
  timeout 60 "${ENTER[@]}" "$dir/ceph" "$ROOT" radosgw-admin -c /state/ceph.conf -n client.rgw user create --uid=tests --display-name=Tests \
    --access-key="$access" --secret-key="$secret" >>"$dir/user.out" 2>&1
}

start() {
  if [ -n "${S3_ENDPOINT:-}" ]; then
    printf 'S3_ENDPOINT=%s\nS3_ACCESS_KEY=%s\nS3_SECRET_KEY=%s\nS3_DIR=\n' "$S3_ENDPOINT" "${S3_ACCESS_KEY:?}" "${S3_SECRET_KEY:?}"
    return
  fi
  build
  local dir port try access secret
  dir=$(state_dir "${1:-}")
  access=$(openssl rand -hex 10 | tr a-f A-F) secret=$(openssl rand -hex 20)
  for try in 1 2 3; do
    port=$(free_port)
    if attempt "$dir" "$port" "$access" "$secret"; then
      printf 'S3_ENDPOINT=http://127.0.0.1:%s\nS3_ACCESS_KEY=%s\nS3_SECRET_KEY=%s\nS3_DIR=%s\n' "$port" "$access" "$secret" "$dir"
      end_with_owner "$dir"
      return
    fi
    say "attempt $try did not answer: $(tail -qn 1 "$dir"/*.out 2>/dev/null | cut -c 1-300 | tr '\n' ' ')"
    stop_daemon "$dir/rgw.pid"
    stop_daemon "$dir/osd.pid"
    stop_daemon "$dir/mon.pid"
  done
  rm -rf "$dir"
  fail "did not start"
}

case ${1:-} in
  build) build ;;
  start) start "${2:-}" ;;
  stop) [ -z "${2:-}" ] || stop_all "$2" rgw osd mon ;;
  *) fail "usage: radosgw.sh build | start [DIR] | stop DIR" ;;
esac
