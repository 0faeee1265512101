/** The one tree of settings pages with the manual's names; menu, breadcrumbs, permissions and redirects derive from it. */

export interface SettingPage {
  /** Path below /setting. */
  path: string;
  /** Message key of the title. */
  title: string;
  /** Settings sections on the page; one page of its own shows them in its own way, otherwise they are tabs. */
  sections: string[];
  /** A page of its own (`SettingPage.svelte` knows it), else drawn from the schemas. */
  view?: ViewName;
  /** Permission without which the page is hidden (UI-5); without one, a readable section decides. */
  needs?: string;
  /** Function of the model without which the page is hidden; a page whose sections are all absent needs none (GEN-24). */
  function?: string;
  /** Section that makes the page visible without being on it. */
  with?: string;
  /** Ways in which the manual writes the path to this page, without "Setting" (UI-6). */
  manual: string[];
}

export type ViewName =
  | 'general'
  | 'time'
  | 'maintenance'
  | 'log'
  | 'services'
  | 'onvif'
  | 'access-filter'
  | 'ddns'
  | 'upload'
  | 'storage'
  | 'save-path'
  | 'dot1x'
  | 'users'
  | 'groups'
  | 'online'
  | 'password-reset'
  | 'my-account'
  | 'legal'
  | 'tcp-ip'
  | 'port'
  | 'https'
  | 'remote-log'
  | 'email'
  | 'commission'
  | 'picture'
  | 'osd'
  | 'masks'
  | 'roi'
  | 'metering'
  | 'lpr-areas'
  | 'motion-regions'
  | 'alarm-out'
  | 'audio'
  | 'peripherals'
  | 'debug';

export interface SettingGroup {
  title: string;
  icon: string;
  pages: SettingPage[];
}

export const settingTree: SettingGroup[] = [
  {
    title: 'menu.system',
    icon: 'system',
    pages: [
      {
        path: 'system/general', title: 'page.general', sections: ['device.general', 'device.geo'], view: 'general',
        manual: ['System/System Setting/General Settings', 'System/System Settings/General Settings', 'System/General Settings'],
      },
      {
        path: 'system/time', title: 'page.time', sections: ['time'], view: 'time',
        manual: ['System/System Settings/Time Settings', 'System/System Setting/Time Settings', 'System/Time Settings'],
      },
      {
        path: 'system/maintenance', title: 'page.maintenance', sections: ['maintenance'], view: 'maintenance', needs: 'maintenance',
        manual: ['System/Device Maintenance/Upgrade and Maintenance', 'System/Upgrade and Maintenance'],
      },
      {
        path: 'system/log', title: 'page.log', sections: [], view: 'log', needs: 'read-log',
        manual: ['System/Device Maintenance/Log', 'System/Device Maintenance/System Log'],
      },
      {
        path: 'system/services', title: 'page.services', sections: ['services', 'security.password', 'monitoring'], view: 'services',
        manual: ['System/Security/System Service', 'System/System Service'],
      },
      {
        path: 'system/users', title: 'page.users', sections: [], view: 'users', needs: 'user-management',
        manual: ['System Setting/User Management/Account/User', 'System/User Management/Account/User', 'System/Account/User'],
      },
      {
        path: 'system/groups', title: 'page.groups', sections: [], view: 'groups', needs: 'user-management',
        manual: ['System Setting/User Management/Account/Edit Permission', 'System/User Management/Account/Edit Permission'],
      },
      {
        path: 'system/online', title: 'page.online', sections: [], view: 'online', needs: 'user-management',
        manual: ['System Setting/User Management/Online User', 'System/User Management/Online User', 'System/Online User'],
      },
      {
        path: 'system/password-reset', title: 'page.password-reset', sections: ['security.password_reset'], view: 'password-reset', needs: 'user-management', function: 'password-reset',
        manual: ['System Setting/User Management/Password Reset', 'System/User Management/Password Reset'],
      },
      { path: 'system/my-account', title: 'page.my-account', sections: [], view: 'my-account', needs: 'live-view', manual: [] },
      { path: 'system/legal', title: 'page.legal', sections: [], view: 'legal', needs: 'live-view', manual: ['System/Legal Information'] },
    ],
  },
  {
    title: 'menu.network',
    icon: 'network',
    pages: [
      { path: 'network/tcp-ip', title: 'page.tcp-ip', sections: ['net.ip'], view: 'tcp-ip', manual: ['Network Settings/TCP/IP/TCP/IP', 'Network/TCP/IP/TCP/IP', 'Network Settings/TCP/IP', 'Network/TCP/IP'] },
      { path: 'network/port', title: 'page.port', sections: ['net.ports'], view: 'port', manual: ['Network Settings/TCP/IP/Port', 'Network/TCP/IP/Port', 'Network/Port'] },
      { path: 'network/https', title: 'page.https', sections: ['net.https'], view: 'https', needs: 'security-config', manual: ['Network Settings/Advanced/HTTPS', 'Network/HTTPS'] },
      { path: 'network/onvif', title: 'page.onvif', sections: ['onvif', 'onvif.remote_user'], view: 'onvif', manual: ['Network Settings/ONVIF', 'Network Settings/Advanced/ONVIF'] },
      { path: 'network/access-filter', title: 'page.access-filter', sections: ['security.access_filter', 'net.gateway_binding'], view: 'access-filter', manual: [] },
      { path: 'network/multicast', title: 'page.multicast', sections: ['net.multicast_main', 'net.multicast_sub', 'net.multicast_metadata', 'net.multicast_audio'], manual: ['Network Settings/Advanced/Multicast', 'Network/Multicast'] },
      { path: 'network/mqtt', title: 'page.mqtt', sections: ['event.broker1', 'event.broker2'], manual: [] },
      { path: 'network/email', title: 'page.email', sections: ['net.mail'], view: 'email', manual: ['Network Settings/Email', 'Network/Email'] },
      { path: 'network/upload', title: 'page.upload', view: 'upload', sections: ['upload.server'], manual: ['Storage/FTP', 'Storage/Destination', 'Storage/Storage/FTP', 'Network Settings/FTP', 'Network/FTP'] },
      { path: 'network/ddns', title: 'page.ddns', view: 'ddns', sections: ['net.ddns'], manual: ['Network Settings/Advanced/DDNS', 'Network/DDNS', 'Network Settings/DDNS'] },
      { path: 'network/802-1x', title: 'page.dot1x', view: 'dot1x', sections: ['net.dot1x'], manual: ['Network Settings/Advanced/802.1x', 'Network/Advanced/802.1x'] },
      { path: 'network/remote-log', title: 'page.remote-log', sections: ['log.remote'], view: 'remote-log', manual: ['Network Settings/Advanced/Remote Log', 'Network/Advanced/Remote Log'] },
    ],
  },
  {
    title: 'menu.video',
    icon: 'video',
    pages: [
      { path: 'video/stream', title: 'page.video-stream', sections: ['video.main', 'video.sub'], manual: ['Video/Audio/Video/Video Stream', 'Audio/Video/Stream'] },
      { path: 'video/audio', title: 'page.audio', sections: ['audio.input', 'audio.output', 'audio.clips'], view: 'audio', manual: ['Video/Audio/Audio/Volume/Encoding', 'Audio/Audio Config'] },
      { path: 'video/osd', title: 'page.video-osd', sections: ['video.osd', 'video.osd_images'], view: 'osd', manual: ['Video/Audio/Video/Overlay', 'Camera/Overlay'] },
      { path: 'video/roi', title: 'page.video-roi', sections: ['video.roi'], view: 'roi', manual: ['Video/Audio/Video/ROI'] },
      { path: 'video/masks', title: 'page.video-masks', sections: ['video.masks'], view: 'masks', manual: ['Video/Audio/Video/Privacy Masks'] },
      { path: 'video/image', title: 'page.camera-image', sections: ['video.image', 'video.scenes', 'video.sensor'], view: 'picture', manual: ['Image/Display Settings', 'Camera/Attribute/General', 'Camera Attribute/General'] },
      { path: 'video/metering', title: 'page.metering', sections: ['video.metering'], view: 'metering', manual: ['Image/Display Settings/Metering'] },
    ],
  },
  {
    title: 'menu.event',
    icon: 'event',
    pages: [
      { path: 'event/picture', title: 'page.event-picture', sections: ['event.picture'], manual: [] },
      { path: 'event/motion-regions', title: 'page.motion-regions', sections: ['event.motion_regions'], view: 'motion-regions', manual: [] },
      { path: 'event/alarm', title: 'page.alarm', sections: ['event.alarm_inputs', 'event.schedules', 'io'], manual: ['Event/Alarm/Alarm'] },
      { path: 'event/alarm-out', title: 'page.alarm-out', sections: [], with: 'io', view: 'alarm-out', manual: ['Event/Alarm/Alarm-out Port'] },
      { path: 'event/serial', title: 'section.serial', sections: ['serial'], manual: [] },
      { path: 'event/peripherals', title: 'page.peripherals', sections: ['peripheral.serial', 'peripheral.wiegand'], view: 'peripherals', manual: [] },
      { path: 'event/illegal-access', title: 'page.illegal-access', sections: ['security.login'], manual: ['Event/Exception/Illegal Access'] },
    ],
  },
  {
    title: 'menu.storage',
    icon: 'card',
    pages: [
      { path: 'storage/local', title: 'page.storage', sections: ['storage.local'], view: 'storage', manual: ['Storage/Local Storage', 'Storage/Storage/Storage Spot Config', 'Storage/Storage/Local Storage', 'Storage/Storage Spot'] },
      { path: 'storage/path', title: 'page.save-path', sections: [], view: 'save-path', needs: 'live-view', manual: ['Storage/Storage Path', 'Storage/Storage/Storage Path'] },
    ],
  },
  {
    title: 'menu.lpr',
    icon: 'plate',
    pages: [
      { path: 'lpr/scene', title: 'page.lpr-scene', sections: ['lpr.recognition', 'lpr.tracks'], manual: ['LPR/Scene Config', 'LPR/AI Setting/Scene Config', 'LPR/AI Setting/Snapshot Setting'] },
      { path: 'lpr/intelligence', title: 'section.lpr.intelligence', sections: ['lpr.intelligence'], manual: ['LPR/AI Setting/Intelligent Analysis'] },
      { path: 'lpr/areas', title: 'page.lpr-areas', sections: ['lpr.areas', 'lens'], view: 'lpr-areas', manual: ['LPR/Config (LPR)'] },
      { path: 'lpr/commission', title: 'page.commission', sections: ['lpr.commission', 'device.reset_button'], view: 'commission', needs: 'lpr-config', manual: ['LPR/Device Commission/Device Commission', 'LPR/Device Commission'] },
      { path: 'lpr/debug', title: 'page.debug', sections: [], view: 'debug', needs: 'maintenance', manual: ['LPR/Device Commission/Debug Info Collection'] },
    ],
  },
];

/** A path as the manual writes it, in the address bar's form: `System/System Setting` is `system/system-setting`. */
export function slug(manual: string): string {
  return manual.toLowerCase().replaceAll(/[^a-z0-9/]+/g, '-');
}
