# `just` lists the chapters and examples; `just run 1` runs chapter 1; `just run hello_smol` one
# example. The list is read from Cargo.toml, nothing is repeated here.

set positional-arguments

# The chapters, their examples, and the other recipes.
[private]
default: list
    @echo
    @"{{ just_executable() }}" --list --unsorted

# Chapters and examples with their descriptions
[group('learn')]
list:
    #!/usr/bin/env bash
    set -euo pipefail
    "{{ just_executable() }}" _chapters | while IFS='|' read -r number title; do
        printf 'Chapter %s: %s\n' "$number" "$title"
        "{{ just_executable() }}" _examples | while IFS='|' read -r chapter name features article description; do
            [ "$chapter" = "$number" ] || continue
            printf '  %-20s %-7s %s\n' "$name" "$article" "$description"
        done
    done

# Run a chapter by its number, or one example by its name; the rest are the example's arguments
[group('learn')]
[no-exit-message]
run chapter_or_example *arguments:
    #!/usr/bin/env bash
    set -euo pipefail
    wanted=$1
    shift
    found=$("{{ just_executable() }}" _examples | awk -F '|' -v wanted="$wanted" '$1 "" == wanted || $2 == wanted')
    if [ -z "$found" ]; then
        echo "just run: there is no chapter or example '$wanted'; \`just\` lists them" >&2
        exit 1
    fi
    # Read from another descriptor than the examples' standard input.
    while IFS='|' read -r -u 3 chapter name features article description; do
        if [ "$chapter" = "$wanted" ]; then
            printf '\n=== %s (%s): %s\n' "$name" "$article" "$description"
        fi
        cargo run --quiet --example "$name" ${features:+--features "$features"} -- "$@"
    done 3<<< "$found"

# Measure and draw the hello programs (--keep replaces README's picture), or one example as its head shows
[group('learn')]
[no-exit-message]
picture *arguments:
    @"{{ just_executable() }}" _tools "{{ invocation_directory() }}" picture "$@"

# Make a Cargo package of its own in DIR out of one example, with all that it needs
[group('use')]
[no-exit-message]
copy name dir:
    @"{{ just_executable() }}" _tools "{{ invocation_directory() }}" copy "$@"

# Run every example, or those named, against its transcript; --patch CRATE=DIR takes a crate from there
[group('use')]
[no-exit-message]
smoke *arguments:
    @"{{ just_executable() }}" _tools "{{ invocation_directory() }}" smoke "$@"

# The whole test suite; arguments go to cargo test
[group('work')]
test *arguments:
    cargo test --all-features "$@"

# Measure against tokio, asyncio, Node and C: all jobs, or those named; --help says what else
[group('work')]
[no-exit-message]
bench *arguments:
    @cargo build --quiet --release --bins --manifest-path benches/Cargo.toml --target-dir target/benches
    @target/benches/release/bench "$@"

# Write what is generated: the contents page, and the `Paste` lines in the heads
[group('work')]
contents *arguments:
    @"{{ just_executable() }}" _tools "{{ invocation_directory() }}" contents "$@"

# What CI does: formatting, lints, docs, tests, and these recipes
[group('work')]
ci:
    bash .ci/run

# `number|title` of every chapter
_chapters:
    #!/usr/bin/env bash
    awk -F '"' '
        /^\[/                       { inside = $0 == "[package.metadata.chapter]" }
        inside && /^[0-9]+ = \{ /   { sub(/ .*/, "", $1); print $1 "|" $2 }
    ' Cargo.toml

# `chapter|name|features|article|description` of every example
_examples:
    #!/usr/bin/env bash
    awk -F '"' '
        /^\[\[example\]\]/                  { features = "" }
        /^required-features = /             { for (i = 2; i < NF; i += 2) features = features (i > 2 ? "," : "") $i }
        /^\[package\.metadata\.example\./   { name = $0; gsub(/.*\.|\]/, "", name) }
        name && /^chapter = /               { chapter = $0; sub(/.*= /, "", chapter) }
        name && /^article = /               { article = $2 }
        name && /^description = /           { print chapter "|" name "|" features "|" article "|" $2; name = "" }
    ' Cargo.toml

# The commands in tests/tools; `from` is the folder that they are called from
[no-exit-message]
_tools from *arguments:
    #!/usr/bin/env bash
    export FROM=$1
    shift
    exec cargo run --quiet --manifest-path tests/tools/Cargo.toml --target-dir target/tools -- "$@"
