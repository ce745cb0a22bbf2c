# A folder with a phrase that differs from run to run, and an image that insists on being told about it.
mkdir "/work/$PARAMETER_FOLDER"
od -An -N6 -tx1 /dev/urandom | tr -d ' ' >"/work/$PARAMETER_FOLDER/phrase"
phrase=$(sha256sum <"/work/$PARAMETER_FOLDER/phrase" | cut -c1-16)
cd "$(mktemp -d)"
cat >insist <<END
#!/bin/sh
no() { echo "\$*" >&2; exit 1; }
[ -n "\$$PARAMETER_WHERE" ] || no "I do not know where to look: the environment variable $PARAMETER_WHERE is to name a folder."
case "\$$PARAMETER_WHERE" in (/*/) no "$PARAMETER_WHERE ends in a slash." ;; (/*) ;; (*) no "$PARAMETER_WHERE is no absolute path." ;; esac
# A device and a path on it tell which folder it is on the machine; the engine's own files, which container.
# (A space is \040 there.)
from=\$(while read -r _ _ device root target _; do [ "\$(printf %b "\$target")" != "\$$PARAMETER_WHERE" ] || echo "\$device\$root"; done </proc/self/mountinfo | tail -n1)
id=\$(sed -n 's,.*/containers/\([0-9a-f]\{12\}\)[0-9a-f]*/hostname .*,\1,p' /proc/self/mountinfo | head -n 1)
[ -n "\$from" ] || no "Nothing is shared as \$$PARAMETER_WHERE, the folder that $PARAMETER_WHERE names."
[ -s "\$$PARAMETER_WHERE/phrase" ] || no "There is no file 'phrase' in \$$PARAMETER_WHERE: another folder was shared."
[ "\$(sha256sum <"\$$PARAMETER_WHERE/phrase" | cut -c1-16)" = $phrase ] || no "The file 'phrase' in \$$PARAMETER_WHERE is not as it was at first."
[ -n "\$$PARAMETER_WHAT" ] || no "The environment variable $PARAMETER_WHAT is to hold what the file \$$PARAMETER_WHERE/phrase says."
[ "\$$PARAMETER_WHAT" = "\$(cat "\$$PARAMETER_WHERE/phrase")" ] || no "$PARAMETER_WHAT and the file \$$PARAMETER_WHERE/phrase do not agree."
line="\$id \$from \$$PARAMETER_WHAT"
echo "\$line \$(echo "$PARAMETER_SECRET \$line" | sha256sum | cut -c1-16)" >"\$$PARAMETER_WHERE/seal" || no "I cannot write the seal into \$$PARAMETER_WHERE."
echo "Everything agrees. Sealed."
exec sleep 86400
END
chmod 755 insist
docker create --name making busybox
docker cp insist making:/usr/local/bin/insist
docker commit --change 'ENTRYPOINT ["/usr/local/bin/insist"]' --change 'CMD []' making "$PARAMETER_IMAGE"
docker rm making
