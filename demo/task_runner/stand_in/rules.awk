# Read the reports of strace about one container, and print a line for each event that a rule matches. The rules are two of
# Falco's, on which Sysdig's are based.

# A call that another process has interrupted comes in two lines.
/ <unfinished \.\.\.>$/ {
    sub(/ <unfinished \.\.\.>$/, "")
    unfinished[$1] = $0
    next
}
/^[0-9]+ +<\.\.\. [a-z0-9]+ resumed>/ {
    pid = $1
    sub(/^[0-9]+ +<\.\.\. [a-z0-9]+ resumed>/, "")
    $0 = unfinished[pid] $0
    delete unfinished[pid]
}

/ execve\(.* = 0$/ {
    match($0, /", \[.*\], 0x/)
    arguments = substr($0, RSTART + 4, RLENGTH - 9)
    gsub(/", "/, " ", arguments)
    command[$1] = substr(arguments, 2, length(arguments) - 2)
    if (!started++) {
        print "agent (stand-in): container " container " runs: " command[$1]
        fflush()
    }
}

# A process that executes nothing has the command of its parent.
/ (clone|clone3|fork|vfork)\(.* = [0-9]+$/ {
    if (!($NF in command)) {
        command[$NF] = command[$1]
    }
}

/ (open|openat|creat)\(.* = [0-9]+<.*>$/ {
    match($0, / = [0-9]+<.*>$/)
    file = substr($0, RSTART, RLENGTH - 1)
    sub(/^ = [0-9]+</, "", file)
    is_created = / creat\(|O_CREAT/
    if (file == "/etc/shadow" && !/O_WRONLY/) {
        detected("Read sensitive file untrusted")
    }
    if (file ~ /^\/dev\// && is_created && file !~ /^\/dev\/(null|tty|stdout|stderr|shm\/|pts\/)/) {
        detected("Create files below dev")
    }
}

function detected(rule) {
    print "agent (stand-in): DETECTED " rule ": container=" container ", command=\"" command[$1] "\", file=" file
    fflush()
}
