//! Routes: every function that the simulator knows, on one page.

use grammers_tl_types::{Identifiable, functions as f};

use super::{
    Call, account, album, auth, by_id, channels, contacts, content, dialogs, forums, help, history,
    invites, messages, pins, reactions, scheduled, search, serve, updates,
};
use crate::world::{Refusal, World};

/// Does it change what others see? A frozen account may not.
pub fn is_write(name: &str) -> bool {
    matches!(
        name,
        "messages.sendMessage"
            | "messages.sendMedia"
            | "messages.sendMultiMedia"
            | "messages.uploadMedia"
            | "messages.forwardMessages"
            | "messages.editMessage"
            | "messages.sendScheduledMessages"
            | "messages.sendReaction"
            | "messages.sendVote"
            | "messages.deleteMessages"
            | "messages.updatePinnedMessage"
            | "messages.deleteHistory"
            | "channels.deleteMessages"
            | "channels.deleteHistory"
            | "channels.editTitle"
            | "channels.joinChannel"
            | "messages.importChatInvite"
            | "contacts.importContacts"
    )
}

/// Functions that nobody has to be signed in for.
pub fn is_open(name: &str) -> bool {
    name.starts_with("help.")
        || name.starts_with("langpack.")
        || matches!(
            name,
            "auth.sendCode"
                | "auth.resendCode"
                | "auth.cancelCode"
                | "auth.signIn"
                | "account.sendVerifyEmailCode"
                | "account.verifyEmail"
                | "auth.signUp"
                | "auth.checkPassword"
                | "auth.exportLoginToken"
                | "auth.importLoginToken"
                | "auth.importAuthorization"
                | "account.getPassword"
                | "upload.getFile"
        )
}

macro_rules! routes {
    ($world:ident, $call:ident, $id:ident, $name:ident, $body:ident; $($function:path => $handler:path,)*) => {
        match $id {
            $(<$function>::CONSTRUCTOR_ID => {
                serve::<$function, _>($body, $call.caller.layer, |request| $handler($world, $call, request))
            })*
            _ => Err(unknown($world, $id, $name)),
        }
    };
}

/// Finds the function's handler.
pub fn route(
    world: &mut World,
    call: &Call,
    id: u32,
    name: &str,
    body: &[u8],
) -> Result<Vec<u8>, Refusal> {
    routes! { world, call, id, name, body;
        f::auth::SendCode => auth::send_code,
        f::auth::ResendCode => auth::resend_code,
        f::auth::CancelCode => auth::cancel_code,
        f::auth::SignIn => auth::sign_in,
        f::auth::SignUp => auth::sign_up,
        f::auth::CheckPassword => auth::check_password,
        f::auth::ExportLoginToken => auth::export_login_token,
        f::auth::ImportLoginToken => auth::import_login_token,
        f::auth::AcceptLoginToken => auth::accept_login_token,
        f::auth::LogOut => auth::log_out,
        f::auth::ResetAuthorizations => auth::reset_authorizations,
        f::auth::ExportAuthorization => auth::export_authorization,
        f::auth::ImportAuthorization => auth::import_authorization,
        f::account::SendVerifyEmailCode => account::send_verify_email_code,
        f::account::VerifyEmail => account::verify_email,
        f::account::GetPassword => account::get_password,
        f::account::GetAuthorizations => account::get_authorizations,
        f::account::ResetAuthorization => account::reset_authorization,
        f::account::UpdateStatus => account::update_status,
        f::account::GetNotifySettings => account::get_notify_settings,
        f::account::UpdateNotifySettings => account::update_notify_settings,
        f::account::RegisterDevice => account::register_device,
        f::help::GetConfig => help::get_config,
        f::help::GetNearestDc => help::get_nearest_dc,
        f::help::GetAppConfig => help::get_app_config,
        f::help::GetCountriesList => help::get_countries_list,
        f::help::GetAppUpdate => help::get_app_update,
        f::help::GetTermsOfServiceUpdate => help::get_terms_update,
        f::updates::GetState => updates::get_state,
        f::updates::GetDifference => updates::get_difference,
        f::updates::GetChannelDifference => updates::get_channel_difference,
        f::users::GetUsers => contacts::get_users,
        f::users::GetFullUser => contacts::get_full_user,
        f::users::GetRequirementsToContact => contacts::get_requirements_to_contact,
        f::contacts::GetContacts => contacts::get_contacts,
        f::contacts::GetContactIds => contacts::get_contact_ids,
        f::contacts::GetStatuses => contacts::get_statuses,
        f::contacts::ResolveUsername => contacts::resolve_username,
        f::contacts::ResolvePhone => contacts::resolve_phone,
        f::contacts::ImportContacts => contacts::import_contacts,
        f::contacts::DeleteContacts => contacts::delete_contacts,
        f::contacts::Block => contacts::block,
        f::contacts::Unblock => contacts::unblock,
        f::contacts::Search => contacts::search,
        f::messages::GetDialogs => dialogs::get_dialogs,
        f::messages::GetPeerDialogs => dialogs::get_peer_dialogs,
        f::messages::GetPinnedDialogs => dialogs::get_pinned_dialogs,
        f::messages::ToggleDialogPin => dialogs::toggle_dialog_pin,
        f::messages::MarkDialogUnread => dialogs::mark_dialog_unread,
        f::messages::GetDialogFilters => dialogs::get_dialog_filters,
        f::messages::SaveDraft => dialogs::save_draft,
        f::messages::GetAllDrafts => dialogs::get_all_drafts,
        f::folders::EditPeerFolders => dialogs::edit_peer_folders,
        f::messages::GetForumTopics => forums::get_forum_topics,
        f::messages::GetForumTopicsById => forums::get_forum_topics_by_id,
        f::messages::GetHistory => history::get_history,
        f::messages::GetMessages => by_id::get_messages,
        f::messages::GetReplies => history::get_replies,
        f::messages::Search => search::search,
        f::messages::SearchGlobal => search::search_global,
        f::messages::SendMessage => messages::send_message,
        f::messages::SendMedia => messages::send_media,
        f::messages::SendMultiMedia => album::send_multi_media,
        f::messages::UploadMedia => album::upload_media,
        f::messages::ForwardMessages => messages::forward_messages,
        f::messages::EditMessage => messages::edit_message,
        f::messages::GetScheduledHistory => scheduled::get_scheduled_history,
        f::messages::GetScheduledMessages => scheduled::get_scheduled_messages,
        f::messages::SendScheduledMessages => scheduled::send_scheduled_messages,
        f::messages::DeleteScheduledMessages => scheduled::delete_scheduled_messages,
        f::messages::SendVote => content::send_vote,
        f::messages::GetPollResults => content::get_poll_results,
        f::messages::SendReaction => reactions::send_reaction,
        f::messages::DeleteMessages => messages::delete_messages,
        f::messages::DeleteHistory => messages::delete_history,
        f::messages::ReadHistory => messages::read_history,
        f::messages::ReadMessageContents => messages::read_message_contents,
        f::messages::SetTyping => messages::set_typing,
        f::messages::UpdatePinnedMessage => pins::update_pinned_message,
        f::messages::ReportSpam => messages::report_spam,
        f::messages::ReceivedQueue => messages::received_queue,
        f::messages::GetMessagesViews => messages::get_messages_views,
        f::messages::CheckChatInvite => invites::check_chat_invite,
        f::messages::ImportChatInvite => invites::import_chat_invite,
        f::channels::JoinChannel => invites::join_channel,
        f::messages::GetChats => channels::get_chats,
        f::messages::GetFullChat => channels::get_full_chat,
        f::channels::GetChannels => channels::get_channels,
        f::channels::GetFullChannel => channels::get_full_channel,
        f::channels::GetMessages => by_id::get_channel_messages,
        f::channels::ReadHistory => channels::read_history,
        f::channels::ReadMessageContents => channels::read_message_contents,
        f::channels::DeleteHistory => channels::delete_history,
        f::channels::DeleteMessages => channels::delete_messages,
        f::channels::GetParticipants => channels::get_participants,
        f::channels::GetParticipant => channels::get_participant,
        f::channels::LeaveChannel => channels::leave_channel,
        f::channels::EditTitle => channels::edit_title,
    }
}

fn unknown(world: &mut World, id: u32, name: &str) -> Refusal {
    let shown = format!("{name}#{id:08x}");
    log::warn!("a function that the simulator does not know was called: {shown}");
    *world.unknown_methods.entry(shown.clone()).or_default() += 1;
    Refusal::new(400, format!("INPUT_METHOD_INVALID: {shown}"))
}
