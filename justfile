# `just` lists the chapters and programs; `just run 1` runs chapter 1; `just run hello_smol` one program.
# The lists come from the heads of the programs, which the commands in tests/tools read.

set positional-arguments

# Builds the commands, with a word about it only the first time, and becomes them: then a signal for `just`
# is one for them.
tools := "cargo build $(test ! -e target/tools/debug/tools || echo --quiet) --manifest-path tests/tools/Cargo.toml --target-dir target/tools && FROM=" + quote(invocation_directory()) + " exec target/tools/debug/tools"

# The chapters, their programs, and the other recipes.
[private]
default: list
    @echo
    @"{{ just_executable() }}" --list --unsorted

# Chapters and programs with their descriptions
[group('learn')]
list:
    @{{ tools }} list

# Run a chapter by its number, or one program by its name; the rest are the program's arguments
[group('learn')]
[no-exit-message]
run chapter_or_program *arguments:
    @{{ tools }} run "$@"

# Measure and draw the hello programs; --keep replaces the picture of chapter 1
[group('learn')]
[no-exit-message]
picture *arguments:
    @{{ tools }} picture "$@"

# Make a new Cargo package from one program: NAME DIR
[group('use')]
[no-exit-message]
copy *arguments:
    @{{ tools }} copy "$@"

# Take a module of the library into a package that exists: MODULE DIR [FOLDER]; --help lists them
[group('use')]
[no-exit-message]
take *arguments:
    @{{ tools }} take "$@"

# Run every program, or those named, against its transcript; --patch CRATE=DIR takes a crate from there
[group('use')]
[no-exit-message]
smoke *arguments:
    @{{ tools }} smoke "$@"

# The whole test suite; arguments go to cargo test
[group('work')]
test *arguments:
    cargo test --all-features "$@"

# Measure against tokio, asyncio, Node and others: all jobs, or those named; --help says what else
[group('work')]
[no-exit-message]
bench *arguments:
    @cargo build --quiet --release --bins --manifest-path benches/Cargo.toml --target-dir target/benches
    @target/benches/release/bench "$@"

# What chapter 20 says of async-std and smol, run on both; arguments go to cargo test
[group('work')]
async-std *arguments:
    cargo test --manifest-path tests/async_std/Cargo.toml --target-dir target/async-std "$@"

# Write every list from the heads of the programs and modules; --check only says which one is wrong
[group('work')]
[no-exit-message]
contents *arguments:
    @{{ tools }} contents "$@"

# What CI does: formatting, lints, docs, tests, and these recipes
[group('work')]
ci:
    bash .ci/run
