docker stop --time {{ grace }} {{ polite }} {{ stubborn }} {{ doomed }}
