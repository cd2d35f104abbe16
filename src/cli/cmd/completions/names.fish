
# Names of people, groups and folders, letters and drafts, which poste lists without a passphrase or the
# network.
function __fish_poste_ask
    set -l home --no-input
    set -l line (commandline -opc)
    for i in (seq 2 (count $line))
        switch $line[$i]
            case --home --config
                test $i -lt (count $line); and set -a home $line[$i] (string replace -r '^~' $HOME -- $line[(math $i + 1)])
            case '--home=*' '--config=*'
                set -a home (string replace -r '=~' "=$HOME" -- $line[$i])
        end
    end
    switch $argv[1]
        case people
            poste $home contacts 2>/dev/null | awk -F '\t' '$3 ~ /firmed|introduced|ended|blocked/ { print $1 }'
        case groups
            poste $home groups 2>/dev/null | awk -F '\t' '$3 != "invited" { print $1 }'
        case invited
            poste $home groups 2>/dev/null | cut -f 1
        case requests
            poste $home contacts 2>/dev/null | awk -F '\t' '$3 ~ /^(request|invitation)$/ { print $1 }'
        case both
            __fish_poste_ask people
            __fish_poste_ask groups
        case commands
            printf '%s\n' @COMMANDS@
        case drafts
            poste $home drafts 2>/dev/null
        case letters
            poste $home outbox 2>/dev/null | awk -F '\t' '$3 ~ /queued|posted|partly/ { print $1 "\t" $2 ", " $3 }'
        case quarantined
            poste $home quarantine 2>/dev/null | awk -F / '{ split($NF, part, "."); print part[2] }'
        case directories
            __fish_complete_directories
        case command
            set -l at (contains -i -- -- $line)
            set -l typed $line[(math $at + 1)..]
            complete -C (string join ' ' -- (string escape -- $typed) (commandline -ct))
        case authors
            echo me
            __fish_poste_ask people
        case folders filed
            printf '%s\n' inbox requests quarantine
            __fish_poste_ask both
            poste $home list 2>/dev/null | awk -F / '{ print $(NF - 2) }' | sort -u
    end
end

