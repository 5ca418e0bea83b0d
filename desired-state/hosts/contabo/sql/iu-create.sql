SELECT public.fn_iu_create(
  p_canonical_address => $1, p_title => $2, p_body => $3, p_actor => $4,
  p_unit_kind => 'law_unit', p_section_type => 'article', p_owner_ref => 'operations') AS answer
