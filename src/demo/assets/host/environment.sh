# Where the scripts of this folder find things. No secret stands here.
export DOT_HOME=/opt/incomex/dot
export DOT_DATABASE=directus
