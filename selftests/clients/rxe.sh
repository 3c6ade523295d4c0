#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: make two RDMA devices of a pair of network interfaces, one at each
# end of a wire, then run a command
#
# Usage: rxe.sh COMMAND [ARG...]
#
# Devices of soft-RoCE hear nothing outside of the first network namespace. So
# both interfaces stay there, and rules of routing make what goes from one to the
# other go over the wire. rxe0 is at 10.0.0.1, rxe1 at 10.0.0.2.
set -e

# Not the shell's own
ip=/usr/sbin/ip

$ip link add veth0 type veth peer name veth1
# end INTERFACE ADDRESS OTHER-INTERFACE OTHER-ADDRESS
end() {
	echo 1 >"/proc/sys/net/ipv4/conf/$1/accept_local"
	# Room for the longest packets of RoCE
	$ip link set "$1" mtu 9000 up
	$ip addr add "$2/32" dev "$1"
	$ip neigh add "$4" dev "$1" lladdr "$(cat "/sys/class/net/$3/address")"
	$ip route add "$4" dev "$1" src "$2" table 100
}
end veth0 10.0.0.1 veth1 10.0.0.2
end veth1 10.0.0.2 veth0 10.0.0.1
# Before what is local is found to be local, but only for what is sent
$ip rule add pref 1 iif lo to 10.0.0.0/24 lookup 100
$ip rule add pref 2 lookup local
$ip rule del pref 0

# A read of 8 MiB is answered by 2048 packets at once, too many for the usual queue.
echo 10000 >/proc/sys/net/core/netdev_max_backlog

rdma link add rxe0 type rxe netdev veth0
rdma link add rxe1 type rxe netdev veth1
exec "$@"
