#!/bin/sh
# What the figures of `just bench` depend on, as JSON; the arguments are those of the command.

locked() { sed -n "/^name = \"$1\"\$/{n;s/^version = \"\(.*\)\"/$1 \1/p;}" "$(dirname "$0")/Cargo.lock"; }
first_line() { "$@" 2>/dev/null | head -1; }

cpu=$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)
cat <<END
[
["command", "\`just bench $*\`"],
["date", "$(date +%F)"],
["load", "load $(cut -d' ' -f1 /proc/loadavg) at the start"],
["machine", "$(getconf _NPROCESSORS_ONLN) cores, ${cpu:-$(uname -m)}, $(uname -sr)"],
["rustc", "$(rustc --version | cut -d' ' -f1,2)"],
["smol", "$(locked smol)"],
["tokio", "$(locked tokio)"],
["async-std", "$(locked async-std)"],
["asyncio", "$(first_line python3 --version)"],
["Node", "Node.js $(first_line node --version)"],
["C", "$(first_line cc --version)"]
]
END
